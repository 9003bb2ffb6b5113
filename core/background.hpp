// The start of a daemon in the background: the parent waits until the child has told how it went.
#pragma once

#include <optional>

namespace anyprobe {

// From then on the standard streams lead nowhere.
void close_standard_streams();

class Background {
 public:
  // In the parent, the exit code of the start; in the child, nothing.
  std::optional<int> detach();
  // In the child, once; without detach() it does nothing.
  void tell(int code);

 private:
  int report_ = -1;
};

}  // namespace anyprobe
