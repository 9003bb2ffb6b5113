// The kernel's table where the world begins: remembers what it was asked, and is changed by the test.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "routing/reconciler.hpp"

namespace anyprobe {

using Words = std::vector<std::string>;

inline Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

inline Advertisement on_lo(const char* text) {
  return {prefix(text), "lo"};
}

class FakeTable : public RouteTable {
 public:
  Outcome<Snapshot> read() override {
    ++reads;
    if (!broken.empty()) return Error{broken};
    return there;
  }

  std::vector<ChangeResult> apply(std::span<const Change> changes) override {
    std::vector<ChangeResult> out;
    for (const auto& change : changes) {
      done.push_back(to_string(change));
      out.push_back({refusal});
      if (!refusal.empty()) continue;
      if (const auto* add = std::get_if<AddAddress>(&change)) {
        remove(add->prefix, add->index);
        there.addresses.push_back({add->prefix, add->index, add->interface, true, Fitness::exact, "", {}});
      } else {
        const auto& seen = std::get<RemoveAddress>(change).seen;
        remove(seen.prefix, seen.index);
      }
    }
    return out;
  }

  void remove(const Prefix& what, int index) {
    std::erase_if(there.addresses, [&](const auto& a) { return a.prefix == what && a.index == index; });
  }
  void add_foreign(const char* text, int index = 1) {
    there.addresses.push_back({prefix(text), index, "lo", false, Fitness::mendable, "", {}});
  }
  [[nodiscard]] bool has(const char* text) const {
    return std::any_of(there.addresses.begin(), there.addresses.end(),
                       [&](const auto& a) { return a.prefix == prefix(text); });
  }
  Words take_done() { return std::exchange(done, {}); }

  Snapshot there{{{1, "lo"}}, {}};
  std::string broken;
  std::string refusal;
  int reads = 0;
  Words done;
};

class FakeMonitor : public RouteMonitor {
 public:
  void start(std::function<void(const TableEvent&)> on_event) override { emit = std::move(on_event); }
  std::function<void(const TableEvent&)> emit;
};

class Notes : public ReconcilerListener {
 public:
  void changed(const Advertisement& what, AdvertisementState state) override {
    const char* names[] = {"withdrawn", "announced", "foreign"};
    told.push_back(what.prefix.to_string() + " " + names[static_cast<int>(state)]);
  }
  void repaired(const std::string& text) override { told.push_back(text); }
  void noticed(const std::string& text) override { told.push_back(text); }
  void failed(const std::string& text) override { told.push_back("failed: " + text); }
  void settled() override {
    ++settlements;
    if (on_settled) on_settled();
  }

  Words take() { return std::exchange(told, {}); }

  Words told;
  int settlements = 0;
  std::function<void()> on_settled;
};

}  // namespace anyprobe
