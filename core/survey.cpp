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

void take(const ControlAnswer& answer, const std::string& run_dir, Survey& told) {
  if (answer.end == End::vanished) return;
  InstanceStatus instance;
  auto complaint = complaint_of(answer, run_dir);
  if (answer.end == End::answered) {
    auto status = read_status(answer.text);
    if (status)
      instance = std::move(status).value();
    else
      complaint = {kNonsense, "unknown", who(answer) + " answers with nonsense: " + status.error()};
  }
  instance.name = answer.instance;
  if (complaint.code != kDone) {
    instance.state = complaint.state;
    instance.pid = answer.pid;
    instance.problems = {complaint.line};
    told.complaints.push_back(std::move(complaint));
  }
  told.instances.push_back(std::move(instance));
}

// By this one metrics are asked, over HTTP.
constexpr const char* kMetricsSocket = "metrics";

// The names of the sockets in the run-dir.
std::vector<std::string> find_instances(const std::string& run_dir, Survey& told) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator it(run_dir, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().stem() == kMetricsSocket) continue;
    if (it->path().extension() == ".sock" && it->symlink_status(ignored).type() == fs::file_type::socket)
      out.push_back(it->path().stem().string());
  }
  std::sort(out.begin(), out.end());
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

Survey ask_for_status(const std::string& run_dir, const char* more) {
  Survey told;
  const auto instances = find_instances(run_dir, told);
  const ControlRequest plain{kStatusVerb, {}};
  auto answers =
      ask_instances(run_dir, instances, more == nullptr ? plain : ControlRequest{kStatusVerb, {more}});
  for (auto& answer : answers) {
    // One of an earlier version, which goes on until it is restarted.
    if (more != nullptr && answer.end == End::refused)
      answer = ask_instances(run_dir, {answer.instance}, plain).front();
    take(answer, run_dir, told);
  }
  if (told.instances.empty() && told.complaints.empty())
    told.complain(kNotRunning, "no daemon runs any more in " + run_dir);
  return told;
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
