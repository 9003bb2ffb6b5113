#include "command_order.hpp"

#include <unistd.h>

#include <map>
#include <utility>

#include "privileges.hpp"

namespace anyprobe {
namespace {

Outcome<RunAs> find_run_as(const std::string& name) {
  const auto user = find_command_user(name);
  if (!user) return Error{user.error()};
  return RunAs{user->uid, user->gid, groups_of(*user)};
}

}  // namespace

std::vector<PreparedCommand> prepare_commands(std::vector<CommandSpec> commands) {
  std::map<std::string, Outcome<RunAs>> users;
  std::vector<PreparedCommand> out;
  out.reserve(commands.size());
  for (auto& spec : commands) {
    CommandOrder order{spec.words, {"ANYPROBE_SERVICE=" + spec.name.service}, std::nullopt};
    std::string wrong;
    if (geteuid() == 0) {
      auto it = users.find(spec.user);
      if (it == users.end()) it = users.emplace(spec.user, find_run_as(spec.user)).first;
      if (it->second)
        order.as = *it->second;
      else
        wrong = it->second.error();
    }
    out.push_back({std::move(spec), wrong.empty() ? Outcome<CommandOrder>(std::move(order)) : Error{wrong}});
  }
  return out;
}

}  // namespace anyprobe
