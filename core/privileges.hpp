// What each process may do, and how it gives up the rest.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "outcome.hpp"

namespace anyprobe {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// Started as somebody else than root, nobody can be become: keeper, prober and runner are one user. What
// their users keep apart elsewhere is kept apart by capabilities, by what may not be dumped (see
// limit_keeper()) and by the prober's filter (see Shared). From here on that is so in this process.
void stay_one_user();
bool is_one_user();

// What the prober of one user cannot give up: groups beside the user's own (see passwd(5)) and the one that
// the control socket is for. So that it has no use of them, it makes no Unix socket where there are any. None
// where it is not so.
const std::vector<std::string>& shared_groups();

// The user the prober runs as: `name`, or without one anyprobe where there is one, else nobody. Root is
// refused. Of one user: himself, and every other name is refused.
Outcome<User> find_prober_user(const std::string& name);

// The user a command runs as: `name`, which may be root, or without one that of the prober. Of one user, as
// above.
Outcome<User> find_command_user(const std::string& name);
std::vector<gid_t> groups_of(const User& user);  // its own and those it is a member of

// Whether this process has CAP_NET_ADMIN.
bool may_administer_network();

// Becomes `user` for good: no other group, no capability, none to be gained by exec. Empty, or what failed.
// Started as somebody else than root it stays who it is, without capabilities.
std::string become(const User& user);

// The keeper's limits, in two steps, since what it starts cannot have more than its bounding set.
// First, what it can do itself: to change addresses, to bind low ports, to read what root may read, to start,
// signal and outlive its processes, and, by group frrvty, to ask FRR's daemons. Without libcap-ng it keeps
// what it has. Started as somebody else than root it is one user from then on: it keeps the first three, as
// far as it has them, hands none of them on by exec, and cannot be dumped.
std::string limit_keeper();
// Then, where no command is configured, what it and all that it starts could ever gain. With commands this
// stays open: the runner has to become each of their users, and may be asked to run a program that is setuid.
std::string seal_keeper();

// The runner's, which as root keeps what root has: of one user it has no capability, and cannot be dumped.
std::string limit_runner();

}  // namespace anyprobe
