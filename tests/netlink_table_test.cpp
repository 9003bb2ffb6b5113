// Against the real kernel, in a network namespace of its own: fails without root.
#include "routing/netlink_table.hpp"

#include <doctest/doctest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "network_namespace.hpp"
#include "routing/plan.hpp"

using namespace anyprobe;

namespace {

constexpr int kLo = 1;

Prefix prefix(const std::string& text) {
  return Prefix::parse(text).value();
}

Change add(const std::string& text, int index = kLo, const char* interface = "lo") {
  return AddAddress{prefix(text), index, interface};
}

std::optional<SeenAddress> seen(NetlinkTable& table, const std::string& text) {
  const auto snapshot = table.read();
  REQUIRE(snapshot.ok());
  CHECK_FALSE(snapshot->torn);
  for (const auto& address : snapshot->addresses) {
    if (address.prefix == prefix(text)) return address;
  }
  return std::nullopt;
}

std::string apply_one(NetlinkTable& table, const Change& change) {
  const auto results = table.apply(std::span(&change, 1));
  REQUIRE(results.size() == 1);
  return results[0].error;
}

std::string remove(NetlinkTable& table, const std::string& text) {
  const auto address = seen(table, text);
  REQUIRE(address);
  return apply_one(table, RemoveAddress{*address, false});
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int index_of(NetlinkTable& table, const std::string& name) {
  const auto snapshot = table.read();
  REQUIRE(snapshot.ok());
  for (const auto& link : snapshot->links) {
    if (link.name == name) return link.index;
  }
  return 0;
}

// As the kernel has it, attribute by attribute.
std::optional<RawAddress> raw(const std::string& text) {
  NetlinkSocket socket(1 << 20);
  std::vector<std::byte> request;
  append_dump_of_addresses(request, {socket.port(), 1, 0});
  REQUIRE(socket.send(request) == 0);
  std::optional<RawAddress> out;
  for (bool done = false; !done;) {
    const int error = socket.receive([&](nlmsghdr& message) {
      done = message.nlmsg_type == NLMSG_DONE;
      const auto address = done ? std::nullopt : parse_address(message);
      if (address && address->prefix == prefix(text)) out = address;
      return true;
    });
    REQUIRE(error == 0);
  }
  return out;
}

std::vector<std::string> thousand() {
  std::vector<std::string> out;
  for (int i = 0; i < 504; ++i) {
    out.push_back((i < 252 ? "192.0.2." : "198.51.100.") + std::to_string(i % 252 + 1) + "/32");
    out.push_back("2001:db8::" + std::to_string(i + 1) + "/128");
  }
  return out;
}

double milliseconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("an IPv4 address of ours: marked, labelled, of global scope") {
  NetworkNamespace here;
  NetlinkTable table;
  CHECK(apply_one(table, add("192.0.2.1")).empty());
  const auto made = raw("192.0.2.1/32");
  REQUIRE(made);
  CHECK(made->protocol == kProtocolMark);
  CHECK(made->label == "lo:any");
  CHECK(made->scope == RT_SCOPE_UNIVERSE);
  CHECK_FALSE(made->peer);
  CHECK(contains(address_lines("192.0.2.1/32"),
                 "scope global lo:any\n       valid_lft forever preferred_lft forever"));
  const auto address = seen(table, "192.0.2.1/32");
  REQUIRE(address);
  CHECK(address->ours);
  CHECK(address->fitness == Fitness::exact);
  CHECK(address->interface == "lo");
  CHECK(remove(table, "192.0.2.1/32").empty());
  CHECK(address_lines("192.0.2.1/32").empty());
}

TEST_CASE("an IPv6 address of ours: marked, ready at once, never a source") {
  NetworkNamespace here;
  NetlinkTable table;
  CHECK(apply_one(table, add("2001:db8::1")).empty());
  const auto made = raw("2001:db8::1/128");
  REQUIRE(made);
  CHECK(made->protocol == kProtocolMark);
  CHECK((made->flags & IFA_F_NODAD) != 0);
  CHECK((made->flags & IFA_F_NOPREFIXROUTE) != 0);
  CHECK((made->flags & IFA_F_DEPRECATED) != 0);
  CHECK((made->flags & IFA_F_TENTATIVE) == 0);
  CHECK(contains(address_lines("2001:db8::1/128"), "deprecated"));
  CHECK(contains(address_lines("2001:db8::1/128"), "valid_lft forever preferred_lft 0sec"));
  CHECK(seen(table, "2001:db8::1/128")->fitness == Fitness::exact);
  CHECK(remove(table, "2001:db8::1/128").empty());
  CHECK(address_lines("2001:db8::1/128").empty());
}

TEST_CASE("no route comes for the subnet of an address") {
  NetworkNamespace here;
  NetlinkTable table;
  REQUIRE(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1"}).status == 0);
  REQUIRE(ip({"link", "set", "v0", "up"}).status == 0);
  REQUIRE(ip({"link", "set", "v1", "up"}).status == 0);
  const int v0 = index_of(table, "v0");
  for (const auto* text : {"192.0.2.1/24", "2001:db8:1::1/64"})
    CHECK(apply_one(table, add(text, v0, "v0")).empty());
  for (const auto* text : {"192.0.2.1/24", "2001:db8:1::1/64"}) CHECK_FALSE(address_lines(text).empty());
  CHECK_FALSE(contains(ip({"route", "show", "table", "main"}).output, "192.0.2"));
  CHECK_FALSE(contains(ip({"-6", "route", "show", "table", "main"}).output, "2001:db8:1:"));
  CHECK(contains(address_lines("192.0.2.1/24"), "v0:any"));
}

TEST_CASE("adding what is there and removing what is not are successes") {
  NetworkNamespace here;
  NetlinkTable table;
  for (const auto* text : {"192.0.2.1/32", "2001:db8::1/128"}) {
    CHECK(apply_one(table, add(text)).empty());
    CHECK(apply_one(table, add(text)).empty());
    const auto address = seen(table, text);
    CHECK(apply_one(table, RemoveAddress{*address, false}).empty());
    CHECK(apply_one(table, RemoveAddress{*address, false}).empty());
  }
  CHECK(apply_one(table,
                  RemoveAddress{{prefix("192.0.2.1"), 4711, "gone", true, Fitness::exact, "", {}}, false})
            .empty());
}

TEST_CASE("a removal does not hit what took the place of the address seen") {
  NetworkNamespace here;
  NetlinkTable table;
  CHECK(apply_one(table, add("192.0.2.1")).empty());
  const auto address = seen(table, "192.0.2.1");
  REQUIRE(ip({"addr", "del", "192.0.2.1/32", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "192.0.2.1/32", "dev", "lo"}).status == 0);
  CHECK(apply_one(table, RemoveAddress{*address, false}).empty());
  CHECK_FALSE(address_lines("192.0.2.1/32").empty());
}

TEST_CASE("a lifetime is given to the kernel, and what has one is known by it") {
  NetworkNamespace here;
  NetlinkTable table;
  for (const auto* text : {"192.0.2.1/32", "2001:db8::1/128"}) {
    CHECK(apply_one(table, AddAddress{prefix(text), kLo, "lo", false, std::chrono::seconds(300)}).empty());
    CHECK((contains(address_lines(text), "valid_lft 300sec") ||
           contains(address_lines(text), "valid_lft 299sec")));
    CHECK(seen(table, text)->ours);
    CHECK(seen(table, text)->passing);
    CHECK(seen(table, text)->fitness == Fitness::exact);
    CHECK(apply_one(table, AddAddress{prefix(text), kLo, "lo", true}).empty());
    CHECK_FALSE(seen(table, text)->passing);
    CHECK(seen(table, text)->fitness == Fitness::exact);
  }
}

TEST_CASE("an address that the kernel ends leaves the others of its subnet in place") {
  NetworkNamespace here;
  NetlinkTable table;
  CHECK(apply_one(table, AddAddress{prefix("192.0.2.1/24"), kLo, "lo", false, std::chrono::seconds(1)})
            .empty());
  REQUIRE(ip({"addr", "add", "192.0.2.9/24", "dev", "lo"}).status == 0);
  for (int i = 0; i < 100 && !address_lines("192.0.2.1/24").empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(address_lines("192.0.2.1/24").empty());
  CHECK_FALSE(address_lines("192.0.2.9/24").empty());
}

TEST_CASE("an unmarked address is not ours; replacing it in place marks it") {
  NetworkNamespace here;
  NetlinkTable table;
  for (const auto* text : {"192.0.2.1/32", "2001:db8::1/128"}) {
    REQUIRE(ip({"addr", "add", text, "dev", "lo"}).status == 0);
    CHECK(apply_one(table, add("2001:db8::77")).empty());  // its mark shows that this kernel keeps marks
    CHECK_FALSE(seen(table, text)->ours);
    CHECK(seen(table, text)->fitness == Fitness::mendable);
    CHECK(apply_one(table, AddAddress{prefix(text), kLo, "lo", true}).empty());
    CHECK(seen(table, text)->ours);
    CHECK(seen(table, text)->fitness == Fitness::exact);
  }
}

TEST_CASE("what replacing cannot mend is unfit") {
  NetworkNamespace here;
  NetlinkTable table;
  REQUIRE(ip({"addr", "add", "192.0.2.1/24", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "192.0.2.2/32", "scope", "link", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "192.0.2.3", "peer", "192.0.2.4/32", "dev", "lo"}).status == 0);
  CHECK(seen(table, "192.0.2.1/24")->fitness == Fitness::unfit);
  CHECK(seen(table, "192.0.2.2")->fitness == Fitness::unfit);
  CHECK(seen(table, "192.0.2.3")->fitness == Fitness::unfit);
  CHECK(remove(table, "192.0.2.3").empty());
  CHECK_FALSE(contains(ip({"addr", "show", "lo"}).output, "192.0.2.3"));
}

TEST_CASE("the neighbours in its subnet outlive an address of ours") {
  NetworkNamespace here;
  NetlinkTable table;
  CHECK(apply_one(table, add("192.0.2.1/24")).empty());
  REQUIRE(ip({"addr", "add", "192.0.2.9/24", "dev", "lo"}).status == 0);
  const std::vector<Desired> desired{{{prefix("192.0.2.1/24"), "lo"}, Wish::withdraw}};
  const auto plan = make_plan(desired, {}, table.read().value(), false);
  REQUIRE(plan.changes.size() == 1);
  CHECK(apply_one(table, plan.changes[0].change).empty());
  CHECK(address_lines("192.0.2.1/24").empty());
  CHECK_FALSE(address_lines("192.0.2.9/24").empty());
}

TEST_CASE("a thousand addresses go in one datagram, and come out in one") {
  NetworkNamespace here;
  NetlinkTable table;
  const auto prefixes = thousand();
  std::vector<Change> changes;
  for (const auto& text : prefixes) changes.push_back(add(text));
  const int adds = datagrams_sent(RTM_NEWADDR);
  std::vector<ChangeResult> results;
  const auto adding = milliseconds_of([&] { results = table.apply(changes); });
  CHECK(datagrams_sent(RTM_NEWADDR) == adds + 1);
  CHECK(std::all_of(results.begin(), results.end(), [](const auto& r) { return r.ok(); }));

  std::optional<Outcome<Snapshot>> snapshot;
  const auto reading = milliseconds_of([&] { snapshot = table.read(); });
  changes.clear();
  for (const auto& address : (*snapshot)->addresses) {
    if (address.ours) changes.push_back(RemoveAddress{address, false});
  }
  CHECK(changes.size() == 1008);
  const int removals = datagrams_sent(RTM_DELADDR);
  const auto removing = milliseconds_of([&] { results = table.apply(changes); });
  CHECK(datagrams_sent(RTM_DELADDR) == removals + 1);
  CHECK(std::all_of(results.begin(), results.end(), [](const auto& r) { return r.ok(); }));
  CHECK_FALSE(contains(ip({"addr", "show"}).output, "lo:any"));

  std::vector<std::string> lines;
  std::vector<std::string> unlines;
  for (const auto& text : prefixes) {
    const bool ipv6 = contains(text, ":");
    lines.push_back("addr add " + text + " dev lo" + (ipv6 ? " nodad noprefixroute preferred_lft 0" : ""));
    unlines.push_back("addr del " + text + " dev lo");
  }
  const auto ip_adding = milliseconds_of([&] { CHECK(ip_batch(lines).status == 0); });
  const auto ip_removing = milliseconds_of([&] { CHECK(ip_batch(unlines).status == 0); });
  MESSAGE("1,008 addresses: added in ", adding, " ms, read in ", reading, " ms, removed in ", removing,
          " ms; ip -batch: ", ip_adding, " and ", ip_removing, " ms");
}

TEST_CASE("each failure of a batch is told, and at its own change") {
  NetworkNamespace here;
  NetlinkTable table;
  std::vector<Change> changes;
  for (const auto& text : thousand()) changes.push_back(add(text, changes.size() % 3 == 0 ? kLo : 4711));
  const auto results = table.apply(changes);
  REQUIRE(results.size() == changes.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const bool right = i % 3 == 0 ? results[i].ok() : contains(results[i].error, "No such device");
    if (!right) FAIL_CHECK("change ", i, ": ", results[i].error);
  }
  const auto snapshot = table.read();
  CHECK(std::count_if(snapshot->addresses.begin(), snapshot->addresses.end(),
                      [](const auto& a) { return a.ours; }) == 1008 / 3);
}

TEST_CASE("the kernel's own words are part of the error") {
  NetworkNamespace here;
  NetlinkTable table;
  const auto error = apply_one(table, AddAddress{{prefix("0.0.0.0").address, 40}, kLo, "lo"});
  CHECK(contains(error, "Invalid argument: "));
}

TEST_CASE("without the privilege, the error names it") {
  NetworkNamespace here;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(2);
    NetlinkTable table;
    const Change change = add("192.0.2.1");
    const auto results = table.apply(std::span(&change, 1));
    _exit(table.read().ok() && contains(results[0].error, "CAP_NET_ADMIN") ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(address_lines("192.0.2.1/32").empty());
}

TEST_CASE("a label fits the kernel's 15 letters") {
  CHECK(address_label("lo") == "lo:any");
  CHECK(address_label("enp130s0f0np0.7") == "enp130s0f0n:any");
}

TEST_CASE("a kernel that keeps no IFA_PROTO: IPv4 by its label, IPv6 as long as we remember") {
  OwnMarks marks;
  RawAddress four{prefix("192.0.2.1"), kLo, {}, "lo:any", {}, 0, RT_SCOPE_UNIVERSE};
  RawAddress six{prefix("2001:db8::1"), kLo, {}, "", {}, IFA_F_NOPREFIXROUTE, 0, false, true};
  marks.learn(four);
  marks.learn(six);
  CHECK(marks.is_ours(four, "lo"));
  CHECK(marks.fitness(four, "lo") == Fitness::exact);
  CHECK_FALSE(marks.is_ours(six, "lo"));
  marks.added(kLo, six.prefix);
  CHECK(marks.is_ours(six, "lo"));
  CHECK(marks.fitness(six, "lo") == Fitness::exact);
  four.label = "lo";
  CHECK_FALSE(marks.is_ours(four, "lo"));
  CHECK(marks.fitness(four, "lo") == Fitness::unfit);  // replacing would not mark it
  marks.removed(kLo, six.prefix);
  CHECK_FALSE(marks.is_ours(six, "lo"));

  RawAddress marked{prefix("2001:db8::2"), kLo, kProtocolMark, "", {}, IFA_F_NOPREFIXROUTE, 0, false, true};
  marks.added(kLo, six.prefix);
  marks.learn(marked);
  CHECK_FALSE(marks.is_ours(six, "lo"));  // this kernel would have kept it: somebody else made it anew
  four.label = "lo:any";
  four.protocol = 5;
  CHECK_FALSE(marks.is_ours(four, "lo"));
}
