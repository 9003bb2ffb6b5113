#include "control_server.hpp"

#include <utility>

namespace anyprobe {
namespace {

LineLimits of_requests(LineLimits limits) {
  limits.longest = kLongestRequest;
  return limits;
}

}  // namespace

ControlServer::ControlServer(EventLoop& loop, Answer answer, LineLimits limits)
    : LineServer(
          loop,
          [answer = std::move(answer)](std::string_view line) {
            const auto request = parse_control_request(line);
            return encode(request ? answer(*request) : ControlReply{false, request.error()});
          },
          of_requests(limits)) {}

}  // namespace anyprobe
