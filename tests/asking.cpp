#include "asking.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

#include "core/config_reader.hpp"

namespace anyprobe::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kLook = std::chrono::milliseconds(5);

}  // namespace

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
  bool late = false;
  Timer deadline(loop_, [&] { late = true; });
  deadline.start(kPatience);
  // What comes true before the loop sleeps would not wake it.
  Timer look(loop_, [&] { look.start(kLook); });
  look.start(kLook);
  while (!condition() && !late) ev_run(loop_.raw(), EVRUN_ONCE);
  return condition();
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
