#include "advertise_reader.hpp"

#include <net/if.h>

#include <algorithm>

#include "config.hpp"
#include "config_reader.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kKinds[] = {"address", "route", "link", "addresses_from"};
constexpr unsigned kBitsExpanded = 8;  // a subnet of more addresses is not expanded
constexpr std::size_t kErrorsOfAFile = 10;
constexpr std::uint32_t kLocalTable = 255;

bool is_name_of_interface(const std::string& name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == std::string::npos;
}

std::string wrong_with_interface(const std::string& name) {
  if (is_name_of_interface(name)) return {};
  return in_quotes(name) + " is no name of an interface (1 to 15 characters)";
}

// Loopback, unspecified and multicast, and what IPv4 has reserved.
bool is_unusable(const IpAddress& ip) {
  const auto bytes = ip.bytes();
  return ip.is_loopback() || std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; }) ||
         (ip.family() == Family::ipv4 ? bytes[0] >= 224 : bytes[0] == 0xff);
}

std::string host_bits(const Prefix& prefix) {
  return in_quotes(prefix.to_string()) + " has bits set beyond its length (try " +
         Prefix{prefix.network(), prefix.length}.to_string() + ")";
}

// Of a line: without its comment and the blanks around it.
std::string_view bare(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  line = line.substr(0, line.find('#'));
  const auto begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

IpAddress in_subnet(const Prefix& subnet, unsigned number) {
  auto bytes = std::vector<std::uint8_t>(subnet.address.bytes().begin(), subnet.address.bytes().end());
  bytes.back() = static_cast<std::uint8_t>(bytes.back() | number);
  return IpAddress::from_bytes(subnet.address.family(), bytes.data());
}

}  // namespace

std::vector<Advertisement> AdvertiseReader::read(const ConfigReader& list, const std::string& service) {
  service_ = service;
  out_.clear();
  const bool had_room = count_ <= kMostAdvertisements;
  for (const auto& item : list.items()) {
    if (!item.expect_object()) continue;
    std::vector<std::string_view> kinds;
    for (const auto kind : kKinds) {
      if (item.has(kind)) kinds.push_back(kind);
    }
    if (kinds.empty()) {
      item.error(R"(lacks "address", "route", "link" or "addresses_from")");
    } else if (kinds.size() > 1) {
      item.error("has both " + in_quotes(kinds[0]) + " and " + in_quotes(kinds[1]) +
                 " (give each its own { })");
    } else if (kinds[0] == "address") {
      read_address(item);
    } else if (kinds[0] == "route") {
      read_route(item);
    } else if (kinds[0] == "link") {
      read_link(item);
    } else {
      read_addresses_from(item);
    }
  }
  if (had_room && count_ > kMostAdvertisements) {
    list.error("is one too many: with it, more than " + std::to_string(kMostAdvertisements) +
               " are to be announced");
  }
  return std::move(out_);
}

bool AdvertiseReader::read_token(Options& options, const std::string& service,
                                 std::vector<Advertisement>& to) {
  if (options.failed()) return false;
  service_ = service;
  out_.clear();
  const auto prefix = options.prefixes("drain_token").front();
  const auto wrong = prefix.is_host() ? add_address(prefix, "lo")
                                      : prefix.to_string() + " is no single address (/32 or /128)";
  if (!wrong.empty()) options.error("drain_token", wrong);
  to.insert(to.end(), out_.begin(), out_.end());
  return wrong.empty();
}

void AdvertiseReader::read_address(const ConfigReader& item) {
  Options options(item, address_options());
  if (options.failed()) return;
  const auto interface = options.text("interface");
  if (const auto wrong = wrong_with_interface(interface); !wrong.empty()) {
    options.error("interface", wrong);
    return;
  }
  const auto wrong = add_address(options.prefixes("address").front(), interface);
  if (!wrong.empty()) options.error("address", wrong);
}

void AdvertiseReader::read_route(const ConfigReader& item) {
  Options options(item, route_options());
  if (options.failed()) return;
  const auto prefix = options.prefixes("route").front();
  const auto family = prefix.address.family();
  Advertisement out{prefix, options.text("device"), Advertisement::Kind::route};
  out.table = static_cast<std::uint32_t>(options.integer("table"));
  out.metric = static_cast<std::uint32_t>(options.integer("metric"));
  if (out.metric == 0) out.metric = default_metric(family);
  if (options.has("via")) out.via = options.addresses("via").front();

  if (prefix.network() != prefix.address) {
    options.error("route", host_bits(prefix));
  } else if (is_unusable(prefix.address)) {
    options.error("route", in_quotes(prefix.to_string()) + " cannot be the route of a service");
  } else if (out.via && out.via->family() != family) {
    options.error("via", in_quotes(out.via->to_string()) + " is of another family than the route");
  } else if (!options.has("device") && !out.via) {
    item.error(R"(lacks "device" or "via")");
  } else if (const auto wrong = wrong_with_interface(options.text("device"));
             options.has("device") && !wrong.empty()) {
    options.error("device", wrong);
  } else if (out.table == kLocalTable) {
    options.error("table", std::to_string(out.table) + " is the kernel's own table of local addresses");
  } else if (const auto clash = claim(prefix, out.table); !clash.empty()) {
    options.error("route", clash);
  } else {
    out_.push_back(out);
  }
}

void AdvertiseReader::read_link(const ConfigReader& item) {
  Options options(item, link_options());
  if (options.failed()) return;
  const auto name = options.text("link");
  if (const auto wrong = wrong_with_interface(name); !wrong.empty()) {
    options.error("link", wrong);
  } else if (name == "lo") {
    options.error("link", "\"lo\" is the loopback interface, without which the host does not work");
  } else if (const auto [owner, fresh] = links_.emplace(name, service_); !fresh) {
    options.error("link", in_quotes(name) + " is a link of service " + in_quotes(owner->second) + " already");
  } else {
    ++count_;
    out_.push_back(Advertisement::link(name));
  }
}

void AdvertiseReader::read_addresses_from(const ConfigReader& item) {
  Options options(item, addresses_from_options());
  if (options.failed()) return;
  const auto path = options.text("addresses_from");
  const auto interface = options.text("interface");
  if (const auto wrong = wrong_with_interface(interface); !wrong.empty()) {
    options.error("interface", wrong);
    return;
  }
  const bool odd =
      std::any_of(path.begin(), path.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!path.starts_with('/') || odd) {
    options.error("addresses_from", in_quotes(path) + " is no absolute path");
    return;
  }
  const auto file = item.attachment(path);
  if (!file) {
    options.error("addresses_from", file.error());
    return;
  }
  const auto before = out_.size();
  std::size_t errors = 0;
  std::size_t number = 0;
  for (std::string_view rest = *file; !rest.empty() && count_ <= kMostAdvertisements;) {
    const auto end = rest.find('\n');
    const auto line = bare(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    ++number;
    if (line.empty()) continue;
    const auto wrong = add_lines(line, options.boolean("expand"), interface);
    if (wrong.empty() || ++errors > kErrorsOfAFile) continue;
    options.error("addresses_from", path + ":" + std::to_string(number) + ": " + wrong);
  }
  if (errors > kErrorsOfAFile) {
    options.error("addresses_from",
                  path + ": and " + std::to_string(errors - kErrorsOfAFile) + " more lines are wrong");
  }
  if (errors == 0 && out_.size() == before) options.error("addresses_from", path + " has no address in it");
}

std::string AdvertiseReader::add_lines(std::string_view line, bool expand, const std::string& interface) {
  const auto prefix = Prefix::parse(line);
  if (!prefix) return prefix.error();
  if (!expand || prefix->is_host()) return add_address(*prefix, interface);
  if (prefix->network() != prefix->address) return host_bits(*prefix);
  const unsigned bits = prefix->address.bits() - unsigned{prefix->length};
  if (bits > kBitsExpanded) {
    return in_quotes(line) + " has more than 256 addresses (split it, or set \"expand\" to false)";
  }
  for (unsigned i = 0; i < 1U << bits; ++i) {
    const Prefix host{in_subnet(*prefix, i), prefix->address.bits()};
    if (auto wrong = add_address(host, interface); !wrong.empty()) return wrong;
  }
  return {};
}

std::string AdvertiseReader::add_address(const Prefix& prefix, const std::string& interface) {
  if (is_unusable(prefix.address)) {
    return in_quotes(prefix.address.to_string()) + " cannot be a service address";
  }
  if (auto clash = claim(prefix, kMainTable); !clash.empty()) return clash;
  out_.push_back({prefix, interface});
  return {};
}

// Notes who announces the prefix, or says with what it overlaps. An address clashes with routes of the main
// table. Of single addresses, only the same can.
std::string AdvertiseReader::claim(const Prefix& prefix, std::uint32_t table) {
  const auto told = [&](const auto& claimed) {
    return prefix.to_string() + " overlaps " + claimed.first.second.to_string() + " of service " +
           in_quotes(claimed.second);
  };
  const auto overlaps = [&](const auto& claimed) {
    return claimed.first.first == table && claimed.first.second.overlaps(prefix);
  };
  const auto wide = std::find_if(wide_claims_.begin(), wide_claims_.end(), overlaps);
  if (wide != wide_claims_.end()) return told(*wide);
  if (prefix.is_host()) {
    const auto [it, fresh] = claims_.emplace(Claim{table, prefix}, service_);
    if (!fresh) return told(*it);
  } else {
    const auto single = std::find_if(claims_.begin(), claims_.end(), overlaps);
    if (single != claims_.end()) return told(*single);
    wide_claims_.emplace_back(Claim{table, prefix}, service_);
  }
  ++count_;
  return {};
}

nlohmann::ordered_json describe(const Advertisement& advertisement) {
  auto out = nlohmann::ordered_json::object();
  switch (advertisement.kind) {
    case Advertisement::Kind::address:
      out["address"] = advertisement.prefix.to_string();
      out["interface"] = advertisement.interface.view();
      return out;
    case Advertisement::Kind::link:
      out["link"] = advertisement.interface.view();
      return out;
    case Advertisement::Kind::route:
      break;
  }
  out["route"] = advertisement.prefix.to_string();
  if (!advertisement.interface.empty()) out["device"] = advertisement.interface.view();
  if (advertisement.via) out["via"] = advertisement.via->to_string();
  out["metric"] = advertisement.metric;
  out["table"] = advertisement.table;
  return out;
}

}  // namespace anyprobe
