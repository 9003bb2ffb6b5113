#include "seccomp_filter.hpp"

namespace anyprobe {

std::string confine(Profile, std::span<const std::string>, Shared) {
  return {};
}

bool may_load_code() {
  return true;
}

bool is_system_call(const std::string&) {
  return true;
}

}  // namespace anyprobe
