// A library that is loaded once something needs it, since it costs memory in each process that has it.
#pragma once

#include <string>

namespace anyprobe {

class SharedLibrary {
 public:
  // By its name with the version of its interface: "libcurl.so.4". It is never unloaded. Throws StartAnew
  // where the process may not load code any more, unless it has it already.
  explicit SharedLibrary(const char* name);

  // Empty, or one line why it or a function of it is not there.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  // `function` is null where it is not there.
  template <typename Function>
  void find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(look_up(name));
  }

 private:
  void* look_up(const char* name);

  void* handle_ = nullptr;
  std::string wrong_;
};

}  // namespace anyprobe
