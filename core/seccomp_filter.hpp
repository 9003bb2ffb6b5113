// What the prober may ask of the kernel once it has its first configuration.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace anyprobe {

// Whose probes run in the process.
enum class Profile : std::uint8_t {
  built_in,  // no thread is started, and no memory becomes executable
  modules,   // a user's own: threads and dlopen() too
};

// What the prober has in common with its keeper, and the filter alone keeps from it.
struct Shared {
  bool user = false;    // a call that reaches other processes is not given, whoever names it
  bool groups = false;  // nor is a Unix socket, by which a group's may be connected to
};

// From here on every system call fails with EPERM but those of the profile and those that `more` names, which
// are allowed whatever their arguments. It holds for all threads, for what they start, and for good, and it
// sets no_new_privs. Signals go to this very process alone, so a child of it wants a filter of its own.
// Empty, or one line why nothing has changed. A build without libseccomp changes nothing and says nothing.
std::string confine(Profile profile, std::span<const std::string> more, Shared shared = {});

// Whether the process may still make memory executable, as dlopen() does.
bool may_load_code();

// Whether `more` may name it: a system call of this architecture or of another, which is passed over. A build
// without libseccomp knows none, and takes every name.
bool is_system_call(const std::string& name);

}  // namespace anyprobe
