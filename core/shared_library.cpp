#include "shared_library.hpp"

#include <dlfcn.h>

#include "seccomp_filter.hpp"
#include "start_anew.hpp"

namespace anyprobe {
namespace {

std::string last_error() {
  const char* error = dlerror();
  return error == nullptr ? "cannot be loaded" : error;
}

}  // namespace

SharedLibrary::SharedLibrary(const char* name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD)) {
  if (handle_ != nullptr) return;
  if (!may_load_code()) throw StartAnew(name);
  handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) wrong_ = last_error();
}

void* SharedLibrary::look_up(const char* name) {
  void* const found = handle_ == nullptr ? nullptr : dlsym(handle_, name);
  if (found == nullptr && wrong_.empty()) wrong_ = last_error();
  return found;
}

}  // namespace anyprobe
