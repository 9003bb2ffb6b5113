// Modules for the loader's test, told apart by what the build defines.
#include <initializer_list>

#include "core/probe.hpp"

#ifndef MODULE_EMPTY
#ifndef MODULE_CALLS
#define MODULE_CALLS
#endif
namespace {

constexpr std::initializer_list<const char*> kCalls = {MODULE_CALLS};

class Passing final : public anyprobe::Probe {
 public:
  [[nodiscard]] std::vector<anyprobe::Endpoint> endpoints() const override { return {}; }
  std::unique_ptr<anyprobe::Attempt> start(anyprobe::ResultSink& sink) override {
    sink.report({anyprobe::Verdict::pass, anyprobe::Evidence::soft, "ok", ""});
    return std::make_unique<anyprobe::Attempt>();
  }
};

}  // namespace

ANYPROBE_EXPORT_PLUGIN = {
    .abi = MODULE_ABI,
    .type = MODULE_TYPE,
    .summary = MODULE_SUMMARY,
    .options = {},
    .system_calls = kCalls,
    .create = [](anyprobe::EventLoop&, anyprobe::Options&) -> std::unique_ptr<anyprobe::Probe> {
      return std::make_unique<Passing>();
    },
};
#endif
