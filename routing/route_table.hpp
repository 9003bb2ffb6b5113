// The kernel's tables as values: what is there, what may be changed, and who says that something changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct SeenLink {
  int index = 0;
  std::string name;
};

enum class Fitness : std::uint8_t {
  exact,     // as the table would make it
  mendable,  // AddAddress with `replace` puts it right in place: routing daemons see no gap
  unfit,     // to be removed and added anew
};

struct SeenAddress {
  Prefix prefix;  // the address itself, with the length of its subnet
  int index = 0;
  std::string interface;  // empty where it went while we read
  bool ours = false;      // carries our mark
  Fitness fitness = Fitness::exact;
  std::string label;              // IPv4 only
  std::optional<IpAddress> peer;  // of a point-to-point address

  [[nodiscard]] std::string to_string() const;  // "192.0.2.1/32 on lo"
};

struct Snapshot {
  std::vector<SeenLink> links;
  std::vector<SeenAddress> addresses;
  bool torn = false;  // the tables changed under every attempt to read them: something may lack
};

struct AddAddress {
  Prefix prefix;
  int index = 0;
  std::string interface;
  bool replace = false;                               // change the one that is there, in place
  std::optional<std::chrono::seconds> lifetime = {};  // none: it stays until removed
};

struct RemoveAddress {
  SeenAddress seen;
  // Others share its IPv4 subnet on that interface: the kernel must not remove them along with it.
  bool spare_neighbours = false;
};

// Routes and whole links join here.
using Change = std::variant<AddAddress, RemoveAddress>;

std::string to_string(const Change& change);  // "add 192.0.2.1/32 to lo"

struct ChangeResult {
  std::string error;  // empty: done, or there was nothing left to do

  [[nodiscard]] bool ok() const { return error.empty(); }
};

class RouteTable {
 public:
  RouteTable() = default;
  virtual ~RouteTable() = default;
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  [[nodiscard]] virtual Outcome<Snapshot> read() = 0;
  // In the order given, and in the kernel on return. One result for each change.
  [[nodiscard]] virtual std::vector<ChangeResult> apply(std::span<const Change> changes) = 0;
};

struct TableEvent {
  enum class Kind : std::uint8_t {
    address,  // `prefix` on `index` came, went or changed
    link,     // `index`, now named `interface`, came, went or changed
    lost,     // events were lost: anything may have changed
  };

  Kind kind = Kind::lost;
  int index = 0;
  Prefix prefix = {};
  std::string interface = {};
  // Of an address:
  bool gone = false;
  bool ours = false;  // with our mark, and just as the table would make it
};

class RouteMonitor {
 public:
  RouteMonitor() = default;
  virtual ~RouteMonitor() = default;
  RouteMonitor(const RouteMonitor&) = delete;
  RouteMonitor& operator=(const RouteMonitor&) = delete;

  // Called once. `on_event` is called from the loop, never from here, until the monitor is destroyed. Of
  // the table's own changes it leaves out those that it can tell.
  virtual void start(std::function<void(const TableEvent&)> on_event) = 0;
};

}  // namespace anyprobe
