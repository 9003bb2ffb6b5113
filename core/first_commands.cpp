#include "first_commands.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "check.hpp"
#include "descriptor.hpp"
#include "exit_codes.hpp"
#include "listeners.hpp"
#include "routing/announcement_config.hpp"
#include "routing/frr_filters.hpp"
#include "routing/vty_question.hpp"
#include "starting_point.hpp"

namespace anyprobe {
namespace {

RoutingStyle style_of(const std::string& word) {
  return word == "quagga" ? RoutingStyle::quagga : word == "bird" ? RoutingStyle::bird : RoutingStyle::frr;
}

// A daemon's own configuration as it runs, if it does in this network namespace; else what came of it.
Outcome<std::string> running_configuration(const std::string& path) {
  EventLoop loop;
  FrrAnswer answer;
  Descriptor replies;
  VtyQuestion question(loop, [&](const FrrAnswer& end, Descriptor file) {
    answer = end;
    replies = std::move(file);
    loop.stop();
  });
  question.ask(path, {"show running-config"}, {});
  loop.run();
  if (answer.end == FrrAnswer::End::absent) return std::string();
  if (answer.end != FrrAnswer::End::answered) return Error{answer.why};
  std::string octets;
  char block[65536];
  for (ssize_t got = 0;
       (got = pread(replies.get(), block, sizeof block, static_cast<off_t>(octets.size()))) > 0;)
    octets.append(block, static_cast<std::size_t>(got));
  const auto said = split_replies(octets);
  if (!said || said->empty() || said->front().status != 0)
    return Error{path + ": does not show its configuration"};
  return std::string(said->front().text);
}

void add_files(const std::string& folder, std::string& out, std::vector<std::string>& notes) {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".conf") found.push_back(it->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    notes.push_back("Not looked into: " + folder + ": " + error.message());
  std::sort(found.begin(), found.end());
  for (const auto& path : found) {
    const auto file = read_source_file(path, path);
    if (file)
      out += file->text + "\n";
    else
      notes.push_back("Not read: " + file.error());
  }
}

// What runs counts, and where nothing does, what is in the files.
std::string routing_configuration(const CommandLine& line, std::vector<std::string>& notes) {
  std::string out;
  for (const char* daemon : {"ospfd", "ospf6d"}) {
    const auto running =
        running_configuration((line.vty_dir.empty() ? kVtyDir : line.vty_dir) + "/" + daemon + ".vty");
    if (running)
      out += *running + "\n";
    else
      notes.push_back("Not asked: " + running.error());
  }
  if (out.find_first_not_of('\n') != std::string::npos) return out;
  add_files(line.frr_dir, out, notes);
  add_files("/etc/quagga", out, notes);
  return out;
}

int write_new(const CommandLine& line, const std::string& text) {
  const auto failed = [&] {
    const int code = errno == EACCES || errno == EPERM ? kNoPermission : kSystem;
    std::fprintf(stderr, "%s: %s: %s\n", line.program.c_str(), line.output.c_str(), std::strerror(errno));
    return code;
  };
  const Descriptor file(open(line.output.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!file.valid()) return failed();
  if (fchmod(file.get(), 0640) != 0) return failed();
  for (std::size_t at = 0; at < text.size();) {
    const auto put = write(file.get(), text.data() + at, text.size() - at);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int code = failed();
      unlink(line.output.c_str());
      return code;
    }
    at += static_cast<std::size_t>(put);
  }
  return kDone;
}

}  // namespace

int run_frr_config(const CommandLine& line, PluginTable& plugins) {
  EventLoop loop;
  ConfigErrors errors;
  const auto config = load_configuration(line, loop, plugins, errors);
  if (!config) return refuse(line, errors);
  std::vector<Advertisement> wanted;
  for (const auto& service : config->services)
    wanted.insert(wanted.end(), service.advertise.begin(), service.advertise.end());
  std::fputs(announcement_config(wanted, style_of(line.style)).c_str(), stdout);
  for (const auto& one : not_announced(wanted)) {
    std::fprintf(stderr, "%s: %s is not announced by this: it is not in the main table (%u)\n",
                 line.program.c_str(), one.to_string().c_str(), kMainTable);
  }
  return kDone;
}

int run_init(const CommandLine& line, const PluginTable& plugins) {
  StartingFacts facts;
  facts.listeners = find_listeners();
  facts.on_lo = addresses_on_lo();
  facts.filtered = read_frr_filters(routing_configuration(line, facts.notes));
  const auto text = starting_configuration(facts, plugins);
  if (line.output.empty()) {
    std::fputs(text.c_str(), stdout);
    return kDone;
  }
  return write_new(line, text);
}

}  // namespace anyprobe
