#include "plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace anyprobe {
namespace {

IpAddress network_of(const Prefix& prefix) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = prefix.address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto bits = std::clamp<int>(prefix.length - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(from[i] & (0xff00U >> bits));
  }
  return IpAddress::from_bytes(prefix.address.family(), bytes.data());
}

class Planner {
 public:
  Planner(std::span<const Desired> desired, std::span<const Advertisement> gone, const Snapshot& seen,
          bool adopt)
      : desired_(desired), seen_(seen), adopt_(adopt) {
    for (const auto& link : seen.links) links_.emplace(link.name, link.index);
    for (std::size_t i = 0; i < desired.size(); ++i) {
      owners_[desired[i].advertisement.prefix.address].push_back(i);
    }
    for (const auto& old : gone) owners_.try_emplace(old.prefix.address);
  }

  Plan make() {
    plan_.outlooks.resize(desired_.size());
    fits_.resize(desired_.size());
    find_foreign();
    for (const auto& address : seen_.addresses) judge(address);
    for (std::size_t i = 0; i < desired_.size(); ++i) settle(i);
    plan_.changes = std::move(removals_);
    std::move(additions_.begin(), additions_.end(), std::back_inserter(plan_.changes));
    return std::move(plan_);
  }

 private:
  using Subnet = std::tuple<int, std::uint8_t, IpAddress>;

  static Subnet subnet_of(const SeenAddress& address) {
    return {address.index, address.prefix.length, network_of(address.prefix)};
  }

  [[nodiscard]] bool is_managed(const SeenAddress& address) const { return address.ours || adopt_; }

  void find_foreign() {
    for (const auto& address : seen_.addresses) {
      if (address.prefix.address.family() == Family::ipv4 && !address.prefix.is_host()) {
        ++in_subnet_[subnet_of(address)];
      }
      const auto owners = owners_.find(address.prefix.address);
      if (owners == owners_.end() || is_managed(address)) continue;
      for (const auto i : owners->second) {
        if (!plan_.outlooks[i].foreign) plan_.outlooks[i].foreign = address;
      }
    }
  }

  [[nodiscard]] bool is_place_of(const Desired& desired, const SeenAddress& address) const {
    const auto link = links_.find(desired.advertisement.interface);
    return link != links_.end() && link->second == address.index &&
           desired.advertisement.prefix == address.prefix && !address.peer;
  }

  void judge(const SeenAddress& address) {
    const auto owners = owners_.find(address.prefix.address);
    if (owners == owners_.end() || !is_managed(address)) return;
    const auto here = std::find_if(owners->second.begin(), owners->second.end(), [&](std::size_t i) {
      return desired_[i].announce && is_place_of(desired_[i], address);
    });
    if (here == owners->second.end()) {
      remove(address, owners->second.empty() ? PlannedChange::kNobody : owners->second.front());
      return;
    }
    // Beside a foreign one nothing is added, so what we have is not taken down to be made anew either.
    if (plan_.outlooks[*here].foreign || address.fitness == Fitness::exact) {
      fits_[*here] = true;
    } else if (address.fitness == Fitness::mendable) {
      fits_[*here] = true;
      add(*here, address.index, true);
    } else {
      remove(address, *here);
    }
  }

  void settle(std::size_t i) {
    const auto& desired = desired_[i];
    auto& outlook = plan_.outlooks[i];
    const auto link = links_.find(desired.advertisement.interface);
    outlook.interface_missing = link == links_.end();
    if (outlook.foreign) {
      outlook.state = AdvertisementState::foreign;
    } else if (desired.announce && !outlook.interface_missing) {
      outlook.state = AdvertisementState::announced;
      if (!fits_[i]) add(i, link->second, false);
    }
  }

  void remove(const SeenAddress& address, std::size_t owner) {
    const auto neighbours = in_subnet_.find(subnet_of(address));
    removals_.push_back(
        {RemoveAddress{address, neighbours != in_subnet_.end() && neighbours->second > 1}, owner});
  }

  void add(std::size_t i, int index, bool replace) {
    const auto& wanted = desired_[i].advertisement;
    additions_.push_back({AddAddress{wanted.prefix, index, wanted.interface, replace}, i});
  }

  std::span<const Desired> desired_;
  const Snapshot& seen_;
  bool adopt_;
  std::map<std::string_view, int> links_;
  std::map<IpAddress, std::vector<std::size_t>> owners_;  // of each number; none where it is gone
  std::map<Subnet, std::size_t> in_subnet_;
  std::vector<bool> fits_;
  std::vector<PlannedChange> removals_;
  std::vector<PlannedChange> additions_;
  Plan plan_;
};

}  // namespace

std::string SeenAddress::to_string() const {
  return prefix.to_string() + " on " + (interface.empty() ? "interface " + std::to_string(index) : interface);
}

std::string to_string(const Change& change) {
  if (const auto* add = std::get_if<AddAddress>(&change)) {
    return (add->replace ? "mend " : "add ") + add->prefix.to_string() + (add->replace ? " on " : " to ") +
           add->interface;
  }
  const auto& seen = std::get<RemoveAddress>(change).seen;
  return "remove " + seen.prefix.to_string() + " from " +
         (seen.interface.empty() ? "interface " + std::to_string(seen.index) : seen.interface);
}

Plan make_plan(std::span<const Desired> desired, std::span<const Advertisement> gone, const Snapshot& seen,
               bool adopt) {
  return Planner(desired, gone, seen, adopt).make();
}

}  // namespace anyprobe
