// A module whose service is well where the prober may make a Unix socket, as one does who would talk to FRR.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/probe.hpp"

namespace {

class Sockets final : public anyprobe::Probe {
 public:
  [[nodiscard]] std::vector<anyprobe::Endpoint> endpoints() const override { return {}; }
  std::unique_ptr<anyprobe::Attempt> start(anyprobe::ResultSink& sink) override {
    const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto verdict = made < 0 ? anyprobe::Verdict::fail : anyprobe::Verdict::pass;
    sink.report({verdict, anyprobe::Evidence::soft, "socket", made < 0 ? std::strerror(errno) : "made"});
    if (made >= 0) close(made);
    return std::make_unique<anyprobe::Attempt>();
  }
};

}  // namespace

ANYPROBE_EXPORT_PLUGIN = {
    .type = "sockets",
    .summary = "Unix sockets",
    .create = [](anyprobe::EventLoop&, anyprobe::Options&) -> std::unique_ptr<anyprobe::Probe> {
      return std::make_unique<Sockets>();
    },
};
