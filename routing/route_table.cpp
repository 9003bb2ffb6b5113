#include "route_table.hpp"

namespace anyprobe {
namespace {

std::string place(const std::string& interface, int index) {
  return interface.empty() ? "interface " + std::to_string(index) : interface;
}

std::string text(const AddAddress& add) {
  return (add.renew     ? "renew "
          : add.replace ? "mend "
                        : "add ") +
         add.prefix.to_string() + (add.replace ? " on " : " to ") + add.interface;
}

std::string text(const RemoveAddress& remove) {
  return "remove " + remove.seen.prefix.to_string() + " from " +
         place(remove.seen.interface, remove.seen.index);
}

std::string text(const AddRoute& add) {
  return (add.renew     ? "renew "
          : add.replace ? "replace by "
                        : "add ") +
         route_text(add.prefix, add.via, add.device, add.table, add.metric);
}

std::string text(const RemoveRoute& remove) {
  const auto& seen = remove.seen;
  if (seen.lingering) return "answer no more for " + seen.prefix.address.to_string();
  return "remove " + route_text(seen.prefix, seen.via, seen.device, seen.table, seen.metric);
}

std::string text(const SetLink& set) {
  return "set link " + place(set.name, set.index) + (set.up ? " up" : " down");
}

std::string text(const AddLingering& add) {
  return "answer for " + add.address.to_string() + " for a while";
}

}  // namespace

std::string SeenAddress::to_string() const {
  return prefix.to_string() + " on " + place(interface, index);
}

std::string SeenRoute::to_string() const {
  return route_text(prefix, via, device, table, metric) + " proto " + std::to_string(protocol);
}

std::string to_string(const Change& change) {
  return std::visit([](const auto& each) { return text(each); }, change);
}

bool announces(const Change& change) {
  if (const auto* add = std::get_if<AddAddress>(&change)) return !add->replace;
  if (const auto* add = std::get_if<AddRoute>(&change)) return !add->replace && !add->renew;
  if (const auto* set = std::get_if<SetLink>(&change)) return set->up;
  return false;
}

bool renews(const Change& change) {
  if (const auto* add = std::get_if<AddAddress>(&change)) return add->renew;
  if (const auto* add = std::get_if<AddRoute>(&change)) return add->renew;
  return false;
}

bool kernel_ends(const Advertisement& what) {
  return what.kind == Advertisement::Kind::address ||
         (what.kind == Advertisement::Kind::route && what.prefix.address.family() == Family::ipv6);
}

bool can_linger(const Advertisement& what) {
  return what.kind == Advertisement::Kind::address;
}

}  // namespace anyprobe
