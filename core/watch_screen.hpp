// The live screen of `anyprobe status --watch`. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "survey.hpp"

namespace anyprobe {

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

struct Screen {
  std::vector<std::string> lines;  // as many as there are rows, or fewer
  std::size_t first = 0;           // of the services that are shown, as far as there are any
  std::size_t page = 1;            // so many services fit below each other
};

// Those that are not well come first. `first`: how many services are scrolled past. Whatever a daemon said, a
// line has no more columns and no command to the terminal but those of colour, if `colour`.
[[nodiscard]] Screen watch_screen(const Survey& told, WallTime now, ScreenSize size, std::size_t first,
                                  bool colour);

}  // namespace anyprobe
