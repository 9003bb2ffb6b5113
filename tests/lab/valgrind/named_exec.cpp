// Preloaded into a program under valgrind, which stands in for it: who starts itself anew by /proc/self/exe
// would start valgrind's own tool, so the name that stands behind it is executed instead.
#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <string_view>

extern "C" int execve(const char* path, char* const* words, char* const* environment) noexcept {
  using Execve = int(const char*, char* const*, char* const*);
  static auto* const execute = reinterpret_cast<Execve*>(dlsym(RTLD_NEXT, "execve"));
  std::array<char, 4096> name{};
  const bool is_self = std::string_view(path) == "/proc/self/exe";
  if (is_self && readlink(path, name.data(), name.size() - 1) > 0) path = name.data();
  return execute(path, words, environment);
}
