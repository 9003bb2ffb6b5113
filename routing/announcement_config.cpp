#include "announcement_config.hpp"

#include <algorithm>
#include <set>

#include "netlink_message.hpp"

namespace anyprobe {
namespace {

// Of one family.
struct Needs {
  std::set<Prefix> addresses;
  std::set<Prefix> routes;

  [[nodiscard]] bool any() const { return !addresses.empty() || !routes.empty(); }
};

struct AllNeeds {
  Needs of[2];
  std::set<std::string> links;
  std::set<std::string> interfaces;  // with addresses
  std::vector<Advertisement> left_out;

  [[nodiscard]] const Needs& at(Family family) const { return of[static_cast<std::size_t>(family)]; }
  // A link may carry addresses of both families.
  [[nodiscard]] bool any(Family family) const { return at(family).any() || !links.empty(); }
  [[nodiscard]] bool connected(Family family) const {
    return !at(family).addresses.empty() || !links.empty();
  }
};

AllNeeds needs_of(std::span<const Advertisement> wanted) {
  AllNeeds out;
  for (const auto& one : wanted) {
    auto& family = out.of[static_cast<std::size_t>(one.prefix.address.family())];
    // What is announced of an address on a subnet is the subnet.
    const Prefix prefix{one.prefix.network(), one.prefix.length};
    switch (one.kind) {
      case Advertisement::Kind::link:
        out.links.insert(one.interface);
        break;
      case Advertisement::Kind::route:
        if (one.table == kMainTable)
          family.routes.insert(prefix);
        else
          out.left_out.push_back(one);
        break;
      case Advertisement::Kind::address:
        family.addresses.insert(prefix);
        out.interfaces.insert(one.interface);
        break;
    }
  }
  std::sort(out.left_out.begin(), out.left_out.end());
  out.left_out.erase(std::unique(out.left_out.begin(), out.left_out.end()), out.left_out.end());
  return out;
}

// Of FRR and Quagga.
struct Words {
  const char* ip;      // of a prefix-list and a match
  const char* suffix;  // of our names
  const char* router;
};
constexpr Words kWords[] = {{"ip", "", "ospf"}, {"ipv6", "6", "ospf6"}};

const Words& words(Family family) {
  return kWords[static_cast<std::size_t>(family)];
}

std::string left_out(const AllNeeds& needs, const char* comment) {
  std::string out;
  for (const auto& one : needs.left_out) {
    out += std::string(comment) + " Not announced: " + one.to_string() + ". It is not in the main table (" +
           std::to_string(kMainTable) + ").\n";
  }
  return out;
}

std::string prefix_list(Family family, const std::string& name, const std::set<Prefix>& prefixes) {
  std::string out;
  for (const auto& prefix : prefixes) {
    out += std::string(words(family).ip) + " prefix-list " + name + words(family).suffix + " permit " +
           prefix.to_string() + "\n";
  }
  return out;
}

class RouteMap {
 public:
  RouteMap(Family family, std::string name, const char* end)
      : name_(std::move(name) + words(family).suffix), family_(family), end_(end) {}

  void match_list(const std::string& list) {
    entry(std::string(words(family_).ip) + " address prefix-list " + list + words(family_).suffix);
  }
  void match_interface(const std::string& name) { entry("interface " + name); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void entry(const std::string& match) {
    number_ += 10;
    text_ += "route-map " + name_ + " permit " + std::to_string(number_) + "\n match " + match +
             "\n set metric-type type-1\n" + end_ + "!\n";
  }

  std::string name_;
  Family family_;
  const char* end_;
  unsigned number_ = 0;
  std::string text_;
};

// The lists first: while it is loaded line by line, nothing else may leave.
std::string lists_and_maps(const AllNeeds& needs, Family family, const char* end) {
  const auto& own = needs.at(family);
  std::string out = prefix_list(family, "anyprobe-addresses", own.addresses) +
                    prefix_list(family, "anyprobe-routes", own.routes);
  if (own.any()) out += "!\n";
  RouteMap connected(family, "anyprobe-connected", end);
  if (!own.addresses.empty()) connected.match_list("anyprobe-addresses");
  for (const auto& link : needs.links) connected.match_interface(link);
  RouteMap kernel(family, "anyprobe-kernel", end);
  if (!own.routes.empty()) kernel.match_list("anyprobe-routes");
  return out + connected.text() + kernel.text();
}

std::string redistribution(const AllNeeds& needs, Family family, const char* end) {
  if (!needs.any(family)) return {};
  const auto line = [&](const std::string& what) {
    return " redistribute " + what + " route-map anyprobe-" + what + words(family).suffix + "\n";
  };
  std::string out = "router " + std::string(words(family).router) + "\n";
  if (needs.connected(family)) out += line("connected");
  if (!needs.at(family).routes.empty()) out += line("kernel");
  return out + end + "!\n";
}

// How the comments end that both have.
constexpr const char* kLeftToYou =
    "! Left to you, and not touched here: the router id, the interfaces and areas of OSPF. Let no `network` "
    "line\n"
    "! cover a service address. On the interface that faces the router, best before the adjacency forms:\n"
    "!   ip ospf retransmit-interval 1\n"
    "!   ipv6 ospf6 retransmit-interval 1\n"
    "! A withdrawal that the router has dropped for coming within a second is then sent again after one and "
    "not\n"
    "! after five. Leave graceful-restart out: neighbours would keep what this host has withdrawn.\n"
    "! A line that is there already changes nothing. What is configured no longer is still there, until you "
    "say\n"
    "! `no` to its line; for a `redistribute connected` or `kernel` with a route-map of yours, ours takes "
    "its place.\n";

std::string frr(const AllNeeds& needs) {
  std::string out =
      "! Printed by anyprobe frr-config: what FRR needs to announce what is configured, and nothing else.\n"
      "! Put it at the end of /etc/frr/frr.conf, or load it: anyprobe frr-config > FILE && vtysh -f FILE\n" +
      std::string(kLeftToYou) + left_out(needs, "!") + "!\n";
  for (const auto family : {Family::ipv4, Family::ipv6}) out += lists_and_maps(needs, family, "exit\n");
  for (const auto family : {Family::ipv4, Family::ipv6}) out += redistribution(needs, family, "exit\n");
  return out;
}

std::string quagga(const AllNeeds& needs) {
  std::string out =
      "! Printed by anyprobe frr-config: what Quagga needs to announce what is configured, and nothing "
      "else.\n"
      "! Each part goes to the end of the file that it names, before `line vty`.\n" +
      std::string(kLeftToYou) + left_out(needs, "!") +
      "!\n! ---- /etc/quagga/zebra.conf ----\n! Nothing is needed here but the router-id.\n";
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    out += std::string("!\n! ---- /etc/quagga/") + words(family).router + "d.conf ----\n" +
           (needs.any(family) ? "" : "! Nothing is needed here.\n") + lists_and_maps(needs, family, "") +
           redistribution(needs, family, "");
  }
  return out;
}

// `net ~ [ ... ]` of one family each, since a set has no prefixes of both.
std::string is_among(const std::set<Prefix>& prefixes) {
  std::string out = "net ~ [";
  const char* before = "\n\t\t";
  for (const auto& prefix : prefixes) {
    out += before + prefix.to_string();
    before = ",\n\t\t";
  }
  return out + "\n\t]";
}

std::string function(const std::string& name, const std::string& comment,
                     const std::vector<std::string>& conditions) {
  std::string out = "# " + comment + "\nfunction " + name + "()\n{\n";
  for (const auto& condition : conditions) out += "\tif " + condition + " then return true;\n";
  return out + "\treturn false;\n}\n\n";
}

constexpr const char* kBirdComment =
    "# Printed by anyprobe frr-config --style bird: what BIRD 2 needs to announce what is configured, and\n"
    "# nothing else. Print it to /etc/bird/anyprobe.conf again whenever the configuration has changed, and "
    "then\n"
    "# `birdc configure`. In bird.conf, once:\n"
    "#   before the protocols:    include \"/etc/bird/anyprobe.conf\";\n"
    "#   in protocol kernel:      learn;\n"
    "#     in its ipv4 or ipv6:   preference 200;  import where anyprobe_route();\n"
    "#   in protocol ospf v2 and v3, in ipv4 or ipv6:  export filter anyprobe_announced;\n"
    "# The preference is above the 150 of OSPF, or a route that another node announces too counts as "
    "OSPF's.\n"
    "# Left to you: the router id, the interfaces and areas of OSPF, with `retransmit 2`, the least that "
    "BIRD takes,\n"
    "# on the interface that faces the router. Name there a prefix that covers the link and no service "
    "address: else\n"
    "# OSPF of IPv4 takes in every address of the interface.\n";

std::string bird(const AllNeeds& needs) {
  std::vector<std::string> addresses;
  std::vector<std::string> routes;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& own = needs.at(family);
    if (!own.addresses.empty()) addresses.push_back(is_among(own.addresses));
    if (!own.routes.empty()) routes.push_back(is_among(own.routes));
  }
  std::string unspeakable;
  std::set<std::string> interfaces;
  const auto take = [&](const std::string& name) {
    // BIRD has no escape for it within a text.
    const bool good = name.find('"') == std::string::npos;
    if (good)
      interfaces.insert(name);
    else
      unspeakable += "# Not announced, since BIRD cannot be told the name: interface " + name + "\n";
    return good;
  };
  for (const auto& name : needs.interfaces) take(name);
  for (const auto& link : needs.links) {
    if (take(link)) addresses.push_back("ifname = \"" + link + "\"");
  }
  std::string out = std::string(kBirdComment) + left_out(needs, "#") + unspeakable + "\n";
  out += function("anyprobe_address", "Addresses of services, and those of the links.", addresses);
  // What FRR does not see: whose a route is.
  for (auto& condition : routes)
    condition = "krt_source = " + std::to_string(kProtocolMark) + " && " + condition;
  out += function("anyprobe_route", "Routes of services, by anyprobe's own hand.", routes);
  if (!interfaces.empty()) {
    std::string names;
    for (const auto& name : interfaces) names += (names.empty() ? "\"" : ", \"") + name + "\"";
    out += "protocol direct anyprobe {\n\tinterface " + names +
           ";\n\tipv4 { import where anyprobe_address(); };\n\tipv6 { import where anyprobe_address(); "
           "};\n}\n\n";
  }
  return out +
         "# External LSAs of type 1: the cost of the way is added to the 20, which is what FRR gives.\n"
         "filter anyprobe_announced\n{\n"
         "\tif proto = \"anyprobe\" || (source = RTS_INHERIT && anyprobe_route()) then {\n"
         "\t\tospf_metric1 = 20;\n\t\taccept;\n\t}\n\treject;\n}\n";
}

}  // namespace

std::string announcement_config(std::span<const Advertisement> wanted, RoutingStyle style) {
  const auto needs = needs_of(wanted);
  switch (style) {
    case RoutingStyle::quagga:
      return quagga(needs);
    case RoutingStyle::bird:
      return bird(needs);
    case RoutingStyle::frr:
      break;
  }
  return frr(needs);
}

std::vector<Advertisement> not_announced(std::span<const Advertisement> wanted) {
  return needs_of(wanted).left_out;
}

}  // namespace anyprobe
