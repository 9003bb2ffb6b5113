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
bool is_one_of(const Seen& seen, const std::vector<Advertisement>& all) {
  return std::any_of(all.begin(), all.end(), [&](const auto& what) { return is_of(seen, what); });
}

std::vector<Change> changes_for(const Snapshot& seen, const std::set<std::string>& links,
                                const std::vector<Advertisement>& left,
                                const std::vector<Advertisement>& spared, ClearWhat what) {
  const auto goes = [&](const auto& each) {
    return each.ours && !is_one_of(each, spared) && (what == ClearWhat::marked || is_one_of(each, left));
  };
  std::vector<Change> out;
  for (const auto& address : seen.addresses) {
    if (goes(address))
      out.push_back(RemoveAddress{
          address, address.prefix.address.family() == Family::ipv4 && !address.prefix.is_host()});
  }
  for (const auto& route : seen.routes) {
    if (goes(route)) out.push_back(RemoveRoute{route});
  }
  for (const auto& link : seen.links) {
    if (links.contains(link.name) && link.up && link.needed.empty())
      out.push_back(SetLink{link.index, link.name, false});
  }
  return out;
}

}  // namespace

ClearResult clear_table(RouteTable& table, const std::vector<Advertisement>& left,
                        const std::vector<Advertisement>& spared, ClearWhat what) {
  ClearResult out;
  ReadScope scope;
  scope.routes = true;
  for (const auto& each : left) {
    const bool is_link = each.kind == Advertisement::Kind::link;
    if (is_link && std::find(spared.begin(), spared.end(), each) == spared.end())
      scope.links.insert(each.interface);
  }
  const auto seen = table.read(scope);
  if (!seen) {
    out.failed.push_back(seen.error());
    return out;
  }
  const auto changes = changes_for(*seen, scope.links, left, spared, what);
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
