// The kernel's table where the world begins: remembers what it was asked, and is changed by the test.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "routing/netlink_message.hpp"
#include "routing/reconciler.hpp"
#include "standing.hpp"

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
  Outcome<Snapshot> read(const ReadScope& scope) override {
    ++reads;
    scopes.push_back(scope);
    if (!broken.empty()) return Error{broken};
    auto out = there;
    std::erase_if(out.routes, [&](const SeenRoute& route) {
      if (route.lingering) return !scope.lingering && !scope.routes;
      return route.ours ? !scope.routes : !scope.unmarked.contains({route.prefix, route.table});
    });
    return out;
  }

  std::vector<ChangeResult> apply(std::span<const Change> changes) override {
    std::vector<ChangeResult> out;
    for (const auto& change : changes) {
      done.push_back(to_string(change));
      out.push_back({refusal});
      if (!refusal.empty()) continue;
      if (const auto* add = std::get_if<AddAddress>(&change)) {
        remove(add->prefix, add->index);
        there.addresses.push_back({add->prefix,
                                   add->index,
                                   add->interface,
                                   true,
                                   Fitness::exact,
                                   "",
                                   {},
                                   add->lifetime.has_value()});
      } else if (const auto* away = std::get_if<RemoveAddress>(&change)) {
        remove(away->seen.prefix, away->seen.index);
      } else if (const auto* route = std::get_if<AddRoute>(&change)) {
        const auto held = std::find_if(there.routes.begin(), there.routes.end(), [&](const auto& r) {
          return r.prefix == route->prefix && r.table == route->table && r.metric == route->metric;
        });
        if (held != there.routes.end() && route->renew) continue;
        if (held != there.routes.end() && !route->replace) {
          out.back().error = "File exists";
          continue;
        }
        if (held != there.routes.end()) there.routes.erase(held);
        there.routes.push_back({route->prefix, route->table, route->metric, route->index, route->device,
                                route->via, kProtocolMark, true, true, route->lifetime.has_value()});
      } else if (const auto* kept = std::get_if<AddLingering>(&change)) {
        SeenRoute local;
        local.prefix = {kept->address, static_cast<std::uint8_t>(kept->address.bits())};
        local.table = 255;
        local.ours = local.lingering = true;
        local.protocol = kProtocolMark;
        there.routes.push_back(std::move(local));
      } else if (const auto* gone = std::get_if<RemoveRoute>(&change)) {
        std::erase_if(there.routes, [&](const auto& r) {
          return r.prefix == gone->seen.prefix && r.table == gone->seen.table &&
                 r.protocol == gone->seen.protocol;
        });
      } else if (const auto* set = std::get_if<SetLink>(&change)) {
        for (auto& link : there.links) {
          if (link.index == set->index) link.up = set->up;
        }
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

  Snapshot there{{{1, "lo", true, true}}, {}};
  std::string broken;
  std::string refusal;
  int reads = 0;
  std::vector<ReadScope> scopes;
  Words done;
};

class FakeMonitor : public RouteMonitor {
 public:
  void start(std::function<void(const TableEvent&)> on_event) override { emit = std::move(on_event); }
  void watch_routes(bool wanted) override { watches = wanted; }
  std::function<void(const TableEvent&)> emit;
  bool watches = false;
};

class Notes : public ReconcilerListener {
 public:
  void changed(const Advertisement& what, AdvertisementState state) override {
    const char* names[] = {"withdrawn", "announced", "foreign", "lingering"};
    const bool address = what.kind == Advertisement::Kind::address;
    told.push_back((address ? what.prefix.to_string() : what.to_string()) + " " +
                   names[static_cast<int>(state)]);
    news();
  }
  void repaired(const std::string& text) override { told.push_back(text); }
  void carried_out(std::size_t changes) override { changes_done += changes; }
  void noticed(const std::string& text) override {
    told.push_back(text);
    news();
  }
  void failed(const std::string& text) override {
    told.push_back("failed: " + text);
    news();
  }
  void settled() override {
    ++settlements;
    if (on_settled) on_settled();
  }

  Words take() { return std::exchange(told, {}); }

  std::size_t changes_done = 0;
  Words told;
  int settlements = 0;
  std::function<void()> on_settled;
  std::function<void()> on_news;

 private:
  void news() const {
    if (on_news) on_news();
  }
};

}  // namespace anyprobe
