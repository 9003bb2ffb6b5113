#include "asking.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

#include "core/config_reader.hpp"
#include "turning.hpp"

namespace anyprobe::test {
Asking::Asking(EventLoop& loop, const std::string& json, const ProbePlugin& plugin, CommandRunner* commands)
    : loop_(loop) {
  ConfigErrors errors;
  const auto document = parse_document("test", json);
  if (!document) throw std::runtime_error("no JSON");
  const ConfigReader reader(*document, errors);
  Options options(reader, plugin.options);
  options.run_commands_by(commands, "test", "probe");
  probe_ = plugin.create(loop, options);
  if (!probe_) throw std::runtime_error(errors.lines().front());
  again();
}

void Asking::again() {
  attempt_.reset();
  result_.reset();
  attempt_ = probe_->start(*this);
}

void Asking::report(Result result) noexcept {
  if (!result_) result_ = std::move(result);
  loop_.stop();  // what reports before the loop sleeps would not wake it
}

Result Asking::wait() {
  if (wait_until([this] { return result_.has_value(); })) return *result_;
  return {Verdict::fail, Evidence::soft, "none", waiting_for()};
}

bool Asking::wait_until(const std::function<bool()>& condition) {
  return turn_until(loop_, condition, std::chrono::seconds(10));
}

std::vector<std::string> errors_of(const std::string& json, const ProbePlugin& plugin) {
  EventLoop loop;
  ConfigErrors errors;
  const auto document = parse_document("test", json);
  if (!document) return {document.error()};
  const ConfigReader reader(*document, errors);
  Options options(reader, plugin.options);
  const auto probe = plugin.create(loop, options);
  if ((probe == nullptr) != !errors.empty()) {
    throw std::runtime_error("a probe in spite of errors, or none without");
  }
  return errors.lines();
}

NoDescriptors::NoDescriptors() {
  ::getrlimit(RLIMIT_NOFILE, &before_);
  const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(lowest);
  const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
}

NoDescriptors::~NoDescriptors() {
  ::setrlimit(RLIMIT_NOFILE, &before_);
}

}  // namespace anyprobe::test
