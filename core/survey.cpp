#include "survey.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "control_socket.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

using End = ControlAnswer::End;

std::string who(const ControlAnswer& answer) {
  return answer.instance + (answer.pid ? " (pid " + std::to_string(*answer.pid) + ")" : "");
}

constexpr std::chrono::seconds kLate{1};

// By this one metrics are asked, over HTTP.
constexpr const char* kMetricsSocket = "metrics";

// The names of the sockets in the run-dir.
std::set<std::string> find_instances(const std::string& run_dir, Survey& told) {
  std::set<std::string> out;
  std::error_code error;
  for (fs::directory_iterator it(run_dir, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().stem() == kMetricsSocket) continue;
    if (it->path().extension() == ".sock" && it->symlink_status(ignored).type() == fs::file_type::socket)
      out.insert(it->path().stem().string());
  }
  if (error == std::errc::no_such_file_or_directory)
    told.complain(kNotRunning, "no daemon runs: there is no folder " + run_dir);
  else if (error)
    told.complain(error == std::errc::permission_denied ? kNoPermission : kSystem,
                  run_dir + ": " + error.message());
  else if (out.empty())
    told.complain(kNotRunning, "no daemon runs: there is no socket in " + run_dir);
  return out;
}

}  // namespace

bool knows(const InstanceStatus& instance) {
  return !instance.version.empty();
}

Complaint complaint_of(const ControlAnswer& answer, const std::string& run_dir) {
  const auto path = run_dir + "/" + answer.instance + ".sock";
  switch (answer.end) {
    case End::answered:
    case End::vanished:
      return {};
    case End::refused:
      return {kNonsense, "unknown", who(answer) + " does not tell: " + first_line(answer.text)};
    case End::dead:
      return {kNotRunning, "dead", answer.instance + " is dead: all that is left of it is " + path};
    case End::forbidden:
      return {kNoPermission, "forbidden",
              path + " may not be opened: that is for root and the group " + kControlGroup};
    case End::suspended:
      return {kNotNow, "suspended",
              answer.instance + " is suspended (SIGTSTP or SIGSTOP): kill -CONT " +
                  std::to_string(*answer.pid) + " resumes it"};
    case End::headless:
      return {kNotNow, "headless", answer.instance + " has no prober now: its keeper is to start another"};
    case End::hangs:
      return {kHangs, "hangs", who(answer) + " hangs: it takes the question and says nothing"};
    case End::cut:
      return {
          kNonsense, "unknown",
          who(answer) + (answer.text.empty() ? " hung up without an answer" : ": its answer is cut short")};
    case End::nonsense:
      return {kNonsense, "unknown", who(answer) + " answers with nonsense: it is no reply"};
    case End::failed:
      break;
  }
  return {kSystem, "unknown", path + ": " + answer.text};
}

LiveSurvey::LiveSurvey(EventLoop& loop, std::string run_dir, const char* more, std::function<void()> changed,
                       ControlPatience patience)
    : loop_(loop),
      run_dir_(std::move(run_dir)),
      more_(more),
      changed_(std::move(changed)),
      patience_(patience) {}

void LiveSurvey::ask() {
  spent_.clear();
  Survey folder;
  const auto found = find_instances(run_dir_, folder);
  of_folder_ = std::move(folder.complaints);
  std::erase_if(daemons_, [&](const auto& each) { return !found.contains(each.first); });
  for (const auto& instance : found) {
    auto& daemon = daemons_[instance];
    if (daemon.question) continue;
    daemon.asked = Clock::now();
    put(instance, daemon, more_);
  }
}

void LiveSurvey::put(const std::string& instance, Daemon& daemon, const char* more) {
  ControlRequest request{kStatusVerb, {}};
  if (more != nullptr) request.arguments.emplace_back(more);
  daemon.question =
      std::make_unique<ControlQuestion>(loop_, run_dir_, instance, request, patience_,
                                        [this, instance, &daemon, more] { take(instance, daemon, more); });
}

void LiveSurvey::take(const std::string& instance, Daemon& daemon, const char* more) {
  spent_.push_back(std::move(daemon.question));
  const auto& answer = spent_.back()->answer();
  // One of an earlier version, which goes on until it is restarted.
  if (more != nullptr && answer.end == End::refused) return put(instance, daemon, nullptr);
  daemon.status.reset();
  daemon.complaint = complaint_of(answer, run_dir_);
  if (answer.end != End::vanished) daemon.status.emplace();
  if (answer.end == End::answered) {
    auto status = read_status(answer.text);
    if (status)
      daemon.status = std::move(status).value();
    else
      daemon.complaint = {kNonsense, "unknown", who(answer) + " answers with nonsense: " + status.error()};
  }
  if (daemon.status) daemon.status->name = instance;
  if (daemon.complaint.code != kDone) {
    daemon.status->state = daemon.complaint.state;
    daemon.status->pid = answer.pid;
    daemon.status->problems = {daemon.complaint.line};
  }
  changed_();
}

bool LiveSurvey::owed() const {
  return std::any_of(daemons_.begin(), daemons_.end(),
                     [](const auto& each) { return each.second.question != nullptr; });
}

Survey LiveSurvey::told() const {
  Survey out{{}, of_folder_};
  for (const auto& [instance, daemon] : daemons_) {
    if (daemon.status) out.instances.push_back(*daemon.status);
    if (daemon.complaint.code != kDone) {
      out.complaints.push_back(daemon.complaint);
      continue;
    }
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - daemon.asked);
    if (daemon.question && since >= kLate)
      out.complain(kHangs, instance + " has not answered for " + std::to_string(since.count()) + " s");
  }
  if (out.instances.empty() && out.complaints.empty() && !owed())
    out.complain(kNotRunning, "no daemon runs any more in " + run_dir_);
  return out;
}

Survey ask_for_status(const std::string& run_dir, const char* more) {
  EventLoop loop;
  std::optional<LiveSurvey> live;
  live.emplace(loop, run_dir, more, [&] {
    if (!live->owed()) loop.stop();
  });
  live->ask();
  if (live->owed()) loop.run();
  return live->told();
}

void choose(const std::vector<std::string>& names, Survey& told) {
  if (names.empty()) return;
  std::set<std::string> missing(names.begin(), names.end());
  const auto wanted = missing;
  for (auto& instance : told.instances) {
    std::erase_if(instance.services, [&](const auto& service) { return !wanted.contains(service.name); });
    for (const auto& service : instance.services) missing.erase(service.name);
  }
  const bool all = missing.empty();
  std::erase_if(told.instances,
                [&](const auto& instance) { return instance.services.empty() && (all || knows(instance)); });
  if (all) told.complaints.clear();
  const bool all_told = told.complaints.empty();
  for (const auto& name : names) {
    if (missing.erase(name) == 0) continue;
    told.complain(kNoSuchService,
                  "there is no service " + in_quotes(name) + (all_told ? "" : " in what could be asked"));
  }
}

}  // namespace anyprobe
