// What a configuration needs and this process cannot have any more, since it is confined; one like it that
// has just started can.
#pragma once

#include <stdexcept>

namespace anyprobe {

// what(): what it needs, as a word. The process is to end by kNotNow, and whoever started it starts another.
class StartAnew : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace anyprobe
