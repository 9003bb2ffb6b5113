#include "daemon_process.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <iterator>

namespace anyprobe {

ProcessState parse_process_state(const std::string& stat) {
  const auto name_end = stat.rfind(") ");
  if (name_end == std::string::npos || name_end + 2 >= stat.size()) return ProcessState::runs;
  switch (stat[name_end + 2]) {
    case 'T':
      return ProcessState::stopped;
    case 'Z':
    case 'X':
      return ProcessState::gone;
    default:
      return ProcessState::runs;
  }
}

ProcessState process_state(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  const std::string stat((std::istreambuf_iterator<char>(in)), {});
  if (!stat.empty()) return parse_process_state(stat);
  // /proc may hide what is not ours.
  return kill(pid, 0) != 0 && errno == ESRCH ? ProcessState::gone : ProcessState::runs;
}

std::optional<pid_t> read_pid_file(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  pid_t pid = 0;
  const auto* end = line.data() + line.size();
  const auto read = std::from_chars(line.data(), end, pid);
  if (read.ec != std::errc{} || read.ptr != end || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace anyprobe
