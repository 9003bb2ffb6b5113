#include "probes/failure.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace anyprobe {

Result soft_failure(std::string_view reason, std::string detail) {
  return {Verdict::fail, Evidence::soft, reason, std::move(detail)};
}

Result judge_failure(const char* call, int error, bool local) {
  if (error == 0) return soft_failure(failure_reason::kClosed, "connection closed without an answer");
  const std::string detail = std::string(call) + ": " + std::strerror(error);
  switch (error) {
    case ECONNREFUSED:
      return {Verdict::fail, Evidence::conclusive, failure_reason::kRefused, detail};
    case EHOSTUNREACH:
    case EHOSTDOWN:
      return soft_failure(failure_reason::kUnreachable, detail);
    case ENETUNREACH:
    case EACCES:  // also ICMPv6's "administratively prohibited"
    case ENOPROTOOPT:
    case EPROTO:
    case ETIMEDOUT:
      if (!local) return soft_failure(failure_reason::kUnreachable, detail);
      break;
    case ECONNRESET:
    case EPIPE:
      if (!local) return soft_failure(failure_reason::kReset, detail);
      break;
    default:
      break;
  }
  return {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, detail};
}

}  // namespace anyprobe
