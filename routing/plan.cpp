#include "plan.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "owners_by_number.hpp"

namespace anyprobe {
namespace {

// What is found out so far, for the planners of the three kinds to add to.
struct Draft {
  explicit Draft(std::span<const Desired> wanted, const Snapshot& snapshot)
      : desired(wanted), seen(snapshot) {
    for (const auto& link : seen.links) links.emplace(link.name, &link);
    plan.outlooks.resize(desired.size());
    fits.resize(desired.size());
  }

  [[nodiscard]] const SeenLink* link(const std::string& name) const {
    const auto found = links.find(name);
    return found == links.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool is(std::size_t i, Advertisement::Kind kind) const {
    return desired[i].advertisement.kind == kind;
  }
  // The first of them, for whom a removal is done.
  static std::size_t owner(std::span<const std::size_t> owners) {
    return owners.empty() ? PlannedChange::kNobody : owners.front();
  }
  // Whether one that is there may be there.
  [[nodiscard]] bool may_stay(std::size_t i) const {
    return desired[i].wish == Wish::announce || desired[i].wish == Wish::hold;
  }
  [[nodiscard]] bool is_held(std::size_t i) const { return desired[i].wish == Wish::hold; }
  // What is there as it should be needs its lifetime anew, or has one that is of another kind than it should.
  [[nodiscard]] bool is_due(std::size_t i, bool passing) const {
    return !is_held(i) && (passing != desired[i].lifetime.has_value() || (passing && desired[i].renew));
  }
  void conclude(std::size_t i, bool possible) {
    auto& outlook = plan.outlooks[i];
    const bool announced = is_held(i) ? fits[i] : desired[i].wish == Wish::announce;
    if (!outlook.occupant.empty() || !outlook.needed.empty()) {
      outlook.state = AdvertisementState::foreign;
    } else if (announced && possible) {
      outlook.state = AdvertisementState::announced;
    }
  }
  [[nodiscard]] bool lacks(std::size_t i) const {
    return plan.outlooks[i].state == AdvertisementState::announced && !fits[i];
  }

  std::span<const Desired> desired;
  const Snapshot& seen;
  std::map<std::string_view, const SeenLink*> links;
  std::vector<bool> fits;  // what is there is just what is wanted, or is made so
  std::vector<PlannedChange> first;
  std::vector<PlannedChange> removals;
  std::vector<PlannedChange> additions;
  std::vector<PlannedChange> last;
  Plan plan;
};

enum class How : std::uint8_t { add, replace, renew };

class Addresses {
 public:
  Addresses(Draft& draft, std::span<const Former> gone, bool adopt) : draft_(draft), adopt_(adopt) {
    for (std::size_t i = 0; i < draft.desired.size(); ++i) {
      if (!draft.is(i, Advertisement::Kind::address)) continue;
      owners_.add(draft.desired[i].advertisement.prefix.address, i);
    }
    for (const auto& [old, lingers] : gone) {
      if (old.kind != Advertisement::Kind::address) continue;
      owners_.add(old.prefix.address, OwnersByNumber::kNobody);
      if (lingers) lingering_.try_emplace(old.prefix.address);
    }
    owners_.sort();
    find_lingering();
  }

  void plan() {
    if (owners_.empty()) return;
    find_foreign();
    for (const auto& address : draft_.seen.addresses) judge(address);
    for (std::size_t i = 0; i < draft_.desired.size(); ++i) {
      if (draft_.is(i, Advertisement::Kind::address)) settle(i);
    }
    end_lingering();
  }

 private:
  // What of a number that is to linger.
  struct Lingering {
    std::size_t owner = PlannedChange::kNobody;
    bool there = false;  // the route is
  };
  using Subnet = std::tuple<int, std::uint8_t, IpAddress>;

  static Subnet subnet_of(const SeenAddress& address) {
    return {address.index, address.prefix.length, address.prefix.network()};
  }

  [[nodiscard]] bool is_managed(const SeenAddress& address) const { return address.ours || adopt_; }

  // One that is also announced, or held, in another place needs nothing to be answered for.
  void find_lingering() {
    for (const auto& [number, i] : owners_.entries()) {
      if (i != OwnersByNumber::kNobody && draft_.desired[i].wish == Wish::linger)
        lingering_[number].owner = i;
    }
    std::erase_if(lingering_, [&](const auto& one) {
      const auto owners = *owners_.find(one.first);
      return std::any_of(owners.begin(), owners.end(), [&](std::size_t i) { return draft_.may_stay(i); });
    });
    for (const auto& route : draft_.seen.routes) {
      const auto it = lingering_.find(route.prefix.address);
      if (route.lingering && it != lingering_.end()) it->second.there = true;
    }
  }

  // Before the address goes, so that there is no moment at which nobody answers for it.
  void let_linger(const SeenAddress& address) {
    const auto it = lingering_.find(address.prefix.address);
    if (it == lingering_.end() || it->second.there) return;
    const auto& links = draft_.seen.links;
    const auto loopback =
        std::find_if(links.begin(), links.end(), [](const SeenLink& link) { return link.loopback; });
    if (loopback == links.end()) return;
    it->second.there = true;
    draft_.first.push_back({AddLingering{address.prefix.address, loopback->index}, it->second.owner});
  }

  // Behind the additions: an address that is announced again is answered for all the time.
  void end_lingering() {
    for (const auto& route : draft_.seen.routes) {
      const auto owners = owners_.find(route.prefix.address);
      if (!route.lingering || !owners || lingering_.contains(route.prefix.address)) continue;
      draft_.last.push_back({RemoveRoute{route}, Draft::owner(*owners)});
    }
  }

  void find_foreign() {
    for (const auto& address : draft_.seen.addresses) {
      if (address.prefix.address.family() == Family::ipv4 && !address.prefix.is_host()) {
        ++in_subnet_[subnet_of(address)];
      }
      const auto owners = owners_.find(address.prefix.address);
      if (!owners || is_managed(address)) continue;
      for (const auto i : *owners) {
        auto& occupant = draft_.plan.outlooks[i].occupant;
        if (occupant.empty()) occupant = address.to_string();
      }
    }
  }

  [[nodiscard]] bool is_place_of(const Desired& desired, const SeenAddress& address) const {
    const auto* link = draft_.link(desired.advertisement.interface);
    return link != nullptr && link->index == address.index &&
           desired.advertisement.prefix == address.prefix && !address.peer;
  }

  void judge(const SeenAddress& address) {
    const auto owners = owners_.find(address.prefix.address);
    if (!owners || !is_managed(address)) return;
    const auto here = std::find_if(owners->begin(), owners->end(), [&](std::size_t i) {
      return draft_.may_stay(i) && is_place_of(draft_.desired[i], address);
    });
    if (here == owners->end()) {
      if (address.ours) let_linger(address);
      remove(address, Draft::owner(*owners));
      return;
    }
    // Beside a foreign one nothing is added, so what we have is not taken down to be made anew either.
    const bool beside_foreign = !draft_.plan.outlooks[*here].occupant.empty();
    if (address.fitness == Fitness::unfit && !beside_foreign && !draft_.is_held(*here))
      return remove(address, *here);
    draft_.fits[*here] = true;
    if (address.fitness == Fitness::mendable && !beside_foreign && !draft_.is_held(*here))
      add(*here, address.index, How::replace);
    else if (draft_.is_due(*here, address.passing))
      add(*here, address.index, How::renew);
  }

  void settle(std::size_t i) {
    const auto* link = draft_.link(draft_.desired[i].advertisement.interface);
    draft_.plan.outlooks[i].interface_missing = link == nullptr;
    draft_.conclude(i, link != nullptr);
    const auto lingering = lingering_.find(draft_.desired[i].advertisement.prefix.address);
    const bool lingers =
        lingering != lingering_.end() && lingering->second.owner == i && lingering->second.there;
    if (lingers) draft_.plan.outlooks[i].state = AdvertisementState::lingering;
    if (draft_.lacks(i)) add(i, link->index, How::add);
  }

  void remove(const SeenAddress& address, std::size_t owner) {
    const auto neighbours = in_subnet_.find(subnet_of(address));
    draft_.removals.push_back(
        {RemoveAddress{address, neighbours != in_subnet_.end() && neighbours->second > 1}, owner});
  }

  void add(std::size_t i, int index, How how) {
    const auto& wanted = draft_.desired[i].advertisement;
    draft_.additions.push_back({AddAddress{wanted.prefix, index, wanted.interface, how != How::add,
                                           draft_.desired[i].lifetime, how == How::renew},
                                i});
  }

  Draft& draft_;
  bool adopt_;
  OwnersByNumber owners_;
  std::map<IpAddress, Lingering> lingering_;
  std::map<Subnet, std::size_t> in_subnet_;
};

class Routes {
 public:
  Routes(Draft& draft, std::span<const Former> gone, bool adopt) : draft_(draft), adopt_(adopt) {
    for (std::size_t i = 0; i < draft.desired.size(); ++i) {
      const auto& what = draft.desired[i].advertisement;
      if (draft.is(i, Advertisement::Kind::route)) owners_[{what.prefix, what.table}].push_back(i);
    }
    for (const auto& [old, lingers] : gone) {
      if (old.kind == Advertisement::Kind::route) owners_.try_emplace({old.prefix, old.table});
    }
  }

  void plan() {
    if (owners_.empty()) return;
    for (const auto& route : draft_.seen.routes) find_foreign(route);
    for (const auto& route : draft_.seen.routes) judge(route);
    for (std::size_t i = 0; i < draft_.desired.size(); ++i) {
      if (draft_.is(i, Advertisement::Kind::route)) settle(i);
    }
  }

 private:
  [[nodiscard]] bool is_managed(const SeenRoute& route, std::size_t i) const {
    return route.ours || (adopt_ && route.metric == draft_.desired[i].advertisement.metric);
  }

  void find_foreign(const SeenRoute& route) {
    const auto owners = owners_.find({route.prefix, route.table});
    if (owners == owners_.end()) return;
    for (const auto i : owners->second) {
      if (is_managed(route, i) || route.metric != draft_.desired[i].advertisement.metric) continue;
      auto& occupant = draft_.plan.outlooks[i].occupant;
      if (occupant.empty()) occupant = route.to_string();
    }
  }

  // Whether the route can be in the kernel now, and through which interface; 0: of none that is named.
  [[nodiscard]] std::optional<int> device_of(std::size_t i) const {
    const auto& name = draft_.desired[i].advertisement.interface;
    if (name.empty()) return 0;
    const auto* link = draft_.link(name);
    if (link == nullptr || !link->up) return std::nullopt;
    return link->index;
  }

  [[nodiscard]] bool is_as_wanted(const SeenRoute& route, std::size_t i, int device) const {
    const auto& what = draft_.desired[i].advertisement;
    return route.ours && route.plain && route.metric == what.metric && route.via == what.via &&
           (device == 0 || route.index == device);
  }

  // Only what the kernel heeds is said to it, so that it is found again as it was made.
  [[nodiscard]] bool wants_passing(std::size_t i) const {
    return draft_.desired[i].lifetime && kernel_ends(draft_.desired[i].advertisement);
  }

  void judge(const SeenRoute& route) {
    if (route.lingering) return;
    const auto owners = owners_.find({route.prefix, route.table});
    if (owners == owners_.end()) return;
    const auto mine = std::find_if(owners->second.begin(), owners->second.end(),
                                   [&](std::size_t i) { return is_managed(route, i); });
    if (mine == owners->second.end() && !route.ours) return;
    const auto here = std::find_if(owners->second.begin(), owners->second.end(), [&](std::size_t i) {
      return draft_.may_stay(i) && device_of(i) && is_managed(route, i) &&
             route.metric == draft_.desired[i].advertisement.metric;
    });
    if (here == owners->second.end() || draft_.fits[*here]) {
      remove(route, mine == owners->second.end() ? PlannedChange::kNobody : *mine);
      return;
    }
    draft_.fits[*here] = true;
    if (draft_.is_held(*here)) return;
    const auto device = *device_of(*here);
    const bool as_wanted = is_as_wanted(route, *here, device) && route.passing == wants_passing(*here);
    if (!as_wanted && draft_.plan.outlooks[*here].occupant.empty())
      add(*here, device, How::replace);
    else if (as_wanted && route.passing && draft_.desired[*here].renew)
      add(*here, device, How::renew);
  }

  void settle(std::size_t i) {
    const auto device = device_of(i);
    draft_.plan.outlooks[i].interface_missing = !device;
    draft_.conclude(i, device.has_value());
    if (draft_.lacks(i)) add(i, *device, How::add);
  }

  void remove(const SeenRoute& route, std::size_t owner) {
    draft_.removals.push_back({RemoveRoute{route}, owner});
  }

  void add(std::size_t i, int index, How how) {
    const auto& what = draft_.desired[i].advertisement;
    const auto lifetime = wants_passing(i) ? draft_.desired[i].lifetime : Lifetime();
    draft_.additions.push_back({AddRoute{what.prefix, what.table, what.metric, index, what.interface,
                                         what.via, how == How::replace, lifetime, how == How::renew},
                                i});
  }

  Draft& draft_;
  bool adopt_;
  std::map<RouteKey, std::vector<std::size_t>> owners_;  // none where it is gone
};

class Links {
 public:
  Links(Draft& draft, std::span<const Former> gone) : draft_(draft), gone_(gone) {}

  void plan() {
    for (std::size_t i = 0; i < draft_.desired.size(); ++i) {
      if (draft_.is(i, Advertisement::Kind::link)) settle(i);
    }
    for (const auto& [old, lingers] : gone_) {
      if (old.kind != Advertisement::Kind::link) continue;
      const auto* link = draft_.link(old.interface);
      if (link != nullptr && link->needed.empty()) set(*link, false, PlannedChange::kNobody);
    }
  }

 private:
  void settle(std::size_t i) {
    const auto* link = draft_.link(draft_.desired[i].advertisement.interface);
    auto& outlook = draft_.plan.outlooks[i];
    outlook.interface_missing = link == nullptr;
    if (link != nullptr) outlook.needed = link->needed;
    draft_.fits[i] = link != nullptr && link->up;
    draft_.conclude(i, link != nullptr);
    if (link != nullptr && link->needed.empty() && !draft_.is_held(i))
      set(*link, draft_.desired[i].wish == Wish::announce, i);
  }

  void set(const SeenLink& link, bool up, std::size_t owner) {
    if (link.up == up) return;
    (up ? draft_.additions : draft_.removals).push_back({SetLink{link.index, link.name, up}, owner});
  }

  Draft& draft_;
  std::span<const Former> gone_;
};

}  // namespace

Plan make_plan(std::span<const Desired> desired, std::span<const Former> gone, const Snapshot& seen,
               bool adopt) {
  Draft draft(desired, seen);
  Addresses(draft, gone, adopt).plan();
  Routes(draft, gone, adopt).plan();
  Links(draft, gone).plan();
  auto& changes = draft.plan.changes;
  changes = std::move(draft.first);
  for (auto* part : {&draft.removals, &draft.additions, &draft.last})
    std::move(part->begin(), part->end(), std::back_inserter(changes));
  return std::move(draft.plan);
}

}  // namespace anyprobe
