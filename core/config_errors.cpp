#include "config_errors.hpp"

#include <utility>

namespace anyprobe {

void ConfigErrors::add(std::string line, bool from_flag) {
  lines_.push_back(std::move(line));
  from_flags_ += from_flag ? 1 : 0;
}

}  // namespace anyprobe
