// The kernel's tables as values: what is there, what may be changed, and who says that something changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/address.hpp"
#include "core/advertisement.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct SeenLink {
  int index = 0;
  std::string name;
  bool up = false;  // set up, whether it has a carrier or not
  bool loopback = false;
  // Of the links that ReadScope names:
  std::string needed = {};    // why it must be left as it is: "the default route goes through it"; else empty
  bool forgets_ipv6 = false;  // set down, it loses its IPv6 addresses

  bool carrier = true;  // what it is given to send has somewhere to go
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
  bool passing = false;           // the kernel removes it when its lifetime is over

  [[nodiscard]] std::string to_string() const;  // "192.0.2.1/32 on lo"
};

struct SeenRoute {
  Prefix prefix;
  std::uint32_t table = 0;
  std::uint32_t metric = 0;
  int index = 0;       // of its device; 0: of none, or of several
  std::string device;  // empty where it is not known
  std::optional<IpAddress> via;
  std::uint8_t protocol = 0;  // rtm_protocol
  bool ours = false;          // carries our mark
  bool plain = true;          // as the table makes routes: unicast, one next hop, nothing special
  bool passing = false;       // the kernel removes it some time after its lifetime is over; IPv6 only
  bool lingering = false;     // as AddLingering makes them

  [[nodiscard]] std::string to_string() const;  // "192.0.2.153/32 dev bond0 proto 3"
};

using RouteKey = std::pair<Prefix, std::uint32_t>;  // prefix and table

struct Snapshot {
  std::vector<SeenLink> links;
  std::vector<SeenAddress> addresses;
  bool torn = false;  // the tables changed under every attempt to read them: something may lack
  std::vector<SeenRoute> routes = {};
  bool ipv6_lingers = true;  // a service may answer from an IPv6 address that no interface has
};

// What to read beside links and addresses. A node may have a million routes, so none is asked for without
// need.
struct ReadScope {
  bool routes = false;               // those with our mark
  std::set<RouteKey> unmarked = {};  // and those without it, of these: costs a dump of the whole table
  bool lingering = false;            // what AddLingering made, and whether it serves
  std::set<std::string> links = {};  // of which to find out what SeenLink says of such
};

using Lifetime = std::optional<std::chrono::seconds>;  // none: it stays until removed

struct AddAddress {
  Prefix prefix;
  int index = 0;
  std::string interface;
  bool replace = false;  // change the one that is there, in place
  Lifetime lifetime = {};
  bool renew = false;  // with `replace`: it is there just so, and only its lifetime begins again
};

struct RemoveAddress {
  SeenAddress seen;
  // Others share its IPv4 subnet on that interface: the kernel must not remove them along with it.
  bool spare_neighbours = false;
};

struct AddRoute {
  Prefix prefix;
  std::uint32_t table = 0;
  std::uint32_t metric = 0;
  int index = 0;       // 0: of no device that is named
  std::string device;  // and then empty
  std::optional<IpAddress> via = {};
  bool replace = false;    // take the place of the one of the same prefix, table and metric, without a gap
  Lifetime lifetime = {};  // the kernel heeds it in IPv6 alone, and then up to 30 s late
  bool renew = false;      // it is there just so, and only its lifetime begins again; nobody is told
};

// The host answers for the address though no interface has it. Without a lifetime: somebody has to remove it.
struct AddLingering {
  IpAddress address;
  int index = 0;  // of the loopback interface
};

struct RemoveRoute {
  SeenRoute seen;
};

struct SetLink {
  int index = 0;
  std::string name;
  bool up = false;
};

using Change = std::variant<AddAddress, RemoveAddress, AddRoute, RemoveRoute, SetLink, AddLingering>;

std::string to_string(const Change& change);  // "add 192.0.2.1/32 to lo"
// Whether it brings what was not there at all; what only puts right or takes away does not.
bool announces(const Change& change);
// Whether it changes nothing but a lifetime.
bool renews(const Change& change);

// Whether the kernel itself removes an advertisement of this kind when a lifetime is over.
[[nodiscard]] bool kernel_ends(const Advertisement& what);
// Whether the host can answer for it while nobody is told of it: by a route of ours in the table that says
// what is local. A route leads elsewhere, and a link takes its addresses along.
[[nodiscard]] bool can_linger(const Advertisement& what);

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

  [[nodiscard]] virtual Outcome<Snapshot> read(const ReadScope& scope) = 0;
  // In the order given, and in the kernel on return. One result for each change.
  [[nodiscard]] virtual std::vector<ChangeResult> apply(std::span<const Change> changes) = 0;
};

struct TableEvent {
  enum class Kind : std::uint8_t {
    address,  // `prefix` on `index` came, went or changed
    link,     // `index`, now named `interface`, came, went or changed
    route,    // one to `prefix` in `table` came, went or changed
    lost,     // events were lost: anything may have changed
  };

  Kind kind = Kind::lost;
  int index = 0;
  Prefix prefix = {};
  std::string interface = {};
  // Of an address or a route:
  bool gone = false;
  bool ours = false;  // with our mark; an address also just as the table would make it
  std::uint32_t table = 0;
  std::string by =
      {};  // of what is ours and gone: who did it, where that can be told: "NetworkManager, process 812"
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
  // Whether to tell of routes too. A node with a full table has many changes a second, so only on demand.
  virtual void watch_routes(bool wanted) = 0;
};

}  // namespace anyprobe
