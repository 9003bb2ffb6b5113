// Modules for the loader's test, told apart by what the build defines.
#include "core/probe.hpp"

#ifndef MODULE_EMPTY
namespace {

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
    .create = [](anyprobe::EventLoop&, anyprobe::Options&) -> std::unique_ptr<anyprobe::Probe> {
      return std::make_unique<Passing>();
    },
};
#endif
