// What each process may do, and how it gives up the rest.
#pragma once

#include <sys/types.h>

#include <string>

#include "outcome.hpp"

namespace anyprobe {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// The user the prober runs as: `name`, or without one anyprobe where there is one, else nobody. Root is
// refused.
Outcome<User> find_prober_user(const std::string& name);

// Whether this process has CAP_NET_ADMIN.
bool may_administer_network();

// Becomes `user` for good: no other group, no capability, none to be gained by exec. Empty, or what failed.
// Started as somebody else than root it stays who it is, without capabilities.
std::string become(const User& user);

// Keeps what the keeper needs: to change addresses, to bind low ports, to read what root may read, and to
// start, signal and outlive its prober. Without libcap-ng it keeps what it has.
std::string limit_keeper();

}  // namespace anyprobe
