#include "clear.hpp"

#include <algorithm>
#include <set>

namespace anyprobe {
namespace {

bool is_of(const SeenAddress& seen, const Advertisement& what) {
  return what.kind == Advertisement::Kind::address && what.prefix.address == seen.prefix.address;
}

bool is_of(const SeenRoute& seen, const Advertisement& what) {
  return what.kind == Advertisement::Kind::route && what.prefix == seen.prefix && what.table == seen.table;
}

template <typename Seen>
bool is_spared(const Seen& seen, const std::vector<Advertisement>& spared) {
  return std::any_of(spared.begin(), spared.end(), [&](const auto& what) { return is_of(seen, what); });
}

std::vector<Change> changes_for(const Snapshot& seen, const std::set<std::string>& links,
                                const std::vector<Advertisement>& spared) {
  std::vector<Change> out;
  for (const auto& address : seen.addresses) {
    if (address.ours && !is_spared(address, spared))
      out.push_back(RemoveAddress{
          address, address.prefix.address.family() == Family::ipv4 && !address.prefix.is_host()});
  }
  for (const auto& route : seen.routes) {
    if (route.ours && !is_spared(route, spared)) out.push_back(RemoveRoute{route});
  }
  for (const auto& link : seen.links) {
    if (links.contains(link.name) && link.up && link.needed.empty())
      out.push_back(SetLink{link.index, link.name, false});
  }
  return out;
}

}  // namespace

ClearResult clear_table(RouteTable& table, const std::vector<Advertisement>& links,
                        const std::vector<Advertisement>& spared) {
  ClearResult out;
  ReadScope scope;
  scope.routes = true;
  for (const auto& what : links) {
    const bool is_link = what.kind == Advertisement::Kind::link;
    if (is_link && std::find(spared.begin(), spared.end(), what) == spared.end())
      scope.links.insert(what.interface);
  }
  const auto seen = table.read(scope);
  if (!seen) {
    out.failed.push_back(seen.error());
    return out;
  }
  const auto changes = changes_for(*seen, scope.links, spared);
  const auto results = table.apply(changes);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto text = to_string(changes[i]);
    if (results[i].ok())
      out.done.push_back(text);
    else
      out.failed.push_back("cannot " + text + ": " + results[i].error);
  }
  if (seen->torn) out.failed.emplace_back("the tables changed all the time while they were read: try again");
  return out;
}

}  // namespace anyprobe
