// Whose an address is, by its number: of thousands, a sorted array is a quarter of the work of a map. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/address.hpp"

namespace anyprobe {

class OwnersByNumber {
 public:
  // Known, and nobody's any more.
  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

  void clear() { entries_.clear(); }
  void add(const IpAddress& number, std::size_t owner) { entries_.emplace_back(number, owner); }
  // Behind the last add(), before what follows.
  void sort() {
    std::sort(entries_.begin(), entries_.end());
    owners_.clear();
    owners_.reserve(entries_.size());
    for (const auto& [number, owner] : entries_) owners_.push_back(owner);
  }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // Each owner once for each time that it was added, in order, kNobody last; nothing of a number that is
  // unknown.
  [[nodiscard]] std::span<const std::size_t> all_of(const IpAddress& number) const {
    const auto first =
        std::lower_bound(entries_.begin(), entries_.end(), number,
                         [](const Entry& one, const IpAddress& wanted) { return one.first < wanted; });
    const auto last =
        std::find_if(first, entries_.end(), [&](const Entry& one) { return one.first != number; });
    return std::span(owners_).subspan(static_cast<std::size_t>(first - entries_.begin()),
                                      static_cast<std::size_t>(last - first));
  }
  // The same without kNobody; unset where the number is unknown.
  [[nodiscard]] std::optional<std::span<const std::size_t>> find(const IpAddress& number) const {
    const auto all = all_of(number);
    if (all.empty()) return std::nullopt;
    const auto nobody = std::find(all.begin(), all.end(), kNobody);
    return all.first(static_cast<std::size_t>(nobody - all.begin()));
  }
  [[nodiscard]] const std::vector<std::pair<IpAddress, std::size_t>>& entries() const { return entries_; }

 private:
  using Entry = std::pair<IpAddress, std::size_t>;
  std::vector<Entry> entries_;
  std::vector<std::size_t> owners_;  // of these
};

}  // namespace anyprobe
