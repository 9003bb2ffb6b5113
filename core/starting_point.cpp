#include "starting_point.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "text.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kMostShown = 20;  // of a kind; what is longer is no file to start from

// Text from elsewhere within a comment.
std::string harmless(std::string_view text) {
  auto out = first_line(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  return out;
}

// Whether the reader takes it as an address of a service.
bool may_serve(const Prefix& prefix) {
  const auto bytes = prefix.address.bytes();
  const bool none = std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
  const bool four = prefix.address.family() == Family::ipv4;
  const bool link_local = !four && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
  return prefix.is_host() && !prefix.address.is_loopback() && !none && !link_local &&
         (four ? bytes[0] < 224 : bytes[0] != 0xff);
}

bool is_wildcard(const IpAddress& ip) {
  const auto bytes = ip.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

// A type of probe, and where a service that it asks may be.
struct Known {
  const char* type = nullptr;
  const char* instead_of = nullptr;  // a type that this build has not
  const UsualPlace* place = nullptr;
};

std::vector<Known> known_to(const PluginTable& plugins) {
  std::vector<Known> out;
  for (const auto* plugin : plugins.all()) {
    for (const auto& place : plugin->found_at) out.push_back({plugin->type, nullptr, &place});
  }
  for (const auto& absent : plugins.absent()) {
    for (const auto& place : absent.found_at) out.push_back({absent.instead, absent.type, &place});
  }
  return out;
}

struct Found {
  Known known;
  std::vector<ListeningSocket> listeners;
  std::vector<Prefix> addresses;  // that it is to announce
};

// By name, so that what listens on both ports of a service is one.
std::vector<Found> services_among(const std::vector<ListeningSocket>& listeners,
                                  const std::vector<Known>& all) {
  std::vector<Found> out;
  for (const auto& known : all) {
    const auto& place = *known.place;
    std::vector<ListeningSocket> here;
    for (const auto& one : listeners) {
      const bool protocol = one.protocol == Protocol::udp ? place.udp : place.tcp;
      if (one.at.port == place.port && protocol) here.push_back(one);
    }
    if (here.empty()) continue;
    std::sort(here.begin(), here.end());
    here.erase(std::unique(here.begin(), here.end()), here.end());
    const bool again = std::any_of(out.begin(), out.end(), [&](const auto& one) {
      return std::string_view(one.known.place->name) == place.name;
    });
    if (!again) out.push_back({known, std::move(here), {}});
  }
  return out;
}

bool is_for_others(const Found& found) {
  return std::any_of(found.listeners.begin(), found.listeners.end(),
                     [](const auto& one) { return !one.at.ip.is_loopback(); });
}

// Whom to ask: this host by its loopback address where it listens there too.
IpAddress whom_to_ask(const Found& found) {
  std::optional<IpAddress> out;
  const auto rank = [](const IpAddress& ip) {
    return ip.is_loopback() ? ip.family() == Family::ipv4 ? 0 : 1 : 2;
  };
  for (const auto& one : found.listeners) {
    auto ip = one.at.ip;
    if (is_wildcard(ip)) ip = IpAddress::parse(ip.family() == Family::ipv4 ? "127.0.0.1" : "::1").value();
    if (!out || rank(ip) < rank(*out)) out = ip;
  }
  return *out;
}

std::string endpoint(const ListeningSocket& one) {
  return (one.protocol == Protocol::udp ? "udp " : "tcp ") + one.at.to_string();
}

std::string where_it_listens(const Found& found) {
  std::set<std::string> processes;
  std::string out;
  for (std::size_t i = 0; i < found.listeners.size(); ++i) {
    const auto& one = found.listeners[i];
    if (!one.process.empty()) processes.insert(harmless(one.process));
    if (i < 4) out += (out.empty() ? "" : ", ") + endpoint(one);
  }
  if (found.listeners.size() > 4) out += " and " + std::to_string(found.listeners.size() - 4) + " more";
  std::string who;
  for (const auto& process : processes) who += (who.empty() ? "" : ", ") + process;
  return (who.empty() ? "something" : who) + " listens on " + out;
}

// The addresses that are let out, those by which something is really redistributed first; each once.
std::vector<Prefix> candidates_of(const StartingFacts& facts) {
  std::vector<Prefix> out;
  for (const bool used : {true, false}) {
    std::set<Prefix> sorted;
    for (const auto& one : facts.filtered) {
      if (one.used == used && one.exact && !one.for_routes && may_serve(one.prefix))
        sorted.insert(one.prefix);
    }
    for (const auto& prefix : sorted) {
      if (std::find(out.begin(), out.end(), prefix) == out.end()) out.push_back(prefix);
    }
  }
  return out;
}

bool listens_on(const Found& found, const IpAddress& ip) {
  return std::any_of(found.listeners.begin(), found.listeners.end(),
                     [&](const auto& one) { return one.at.ip == ip; });
}

bool listens_on_all(const Found& found) {
  return std::any_of(found.listeners.begin(), found.listeners.end(),
                     [](const auto& one) { return is_wildcard(one.at.ip); });
}

// Every address goes to one service: to whom listens on that very one, else to the first that listens on all.
void share_out(const std::vector<Prefix>& candidates, std::vector<Found>& services) {
  for (const auto& prefix : candidates) {
    auto taker = std::find_if(services.begin(), services.end(),
                              [&](const auto& one) { return listens_on(one, prefix.address); });
    if (taker == services.end()) {
      taker = std::find_if(services.begin(), services.end(), [](const auto& one) {
        return one.known.place->wants == nullptr && listens_on_all(one);
      });
    }
    if (taker != services.end() && taker->addresses.size() < kMostShown) taker->addresses.push_back(prefix);
  }
}

std::string advertise(const std::vector<Prefix>& prefixes) {
  std::string out = "\"advertise\": [ ";
  const char* before = "";
  for (const auto& prefix : prefixes) {
    out += before + std::string("{ \"address\": \"") + prefix.to_string() + "\" }";
    before = ",\n                     ";
  }
  return out + " ]";
}

std::vector<Prefix> documentation() {
  return {Prefix::parse("192.0.2.1/32").value(), Prefix::parse("2001:db8::1/128").value()};
}

// The object of one service, from "{" to "}", its lines below the first indented by six.
std::string service_text(const Found& found, const std::vector<Prefix>& prefixes) {
  const auto& place = *found.known.place;
  const auto ask = whom_to_ask(found);
  // Where another node would answer while it is withdrawn here.
  const bool own =
      std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& one) { return one.contains(ask); });
  const bool tcp_only = std::none_of(found.listeners.begin(), found.listeners.end(),
                                     [](const auto& one) { return one.protocol == Protocol::udp; });
  const auto at = place.with_port ? SocketAddress{ask, place.port}.to_string() : ask.to_string();
  const auto note = found.known.instead_of != nullptr
                        ? "This build has no \"" + std::string(found.known.instead_of) + "\" probe"
                        : "EDIT: " + std::string(place.edit);
  return "{ \"name\": \"" + std::string(place.name) + "\",\n      // " + note +
         ".\n      \"probe\": { \"type\": \"" + found.known.type + "\", \"" + place.whom + "\": \"" + at +
         "\"" + place.options + (tcp_only ? place.tcp_options : "") +
         (own ? R"(, "bind_device": "lo")" : "") + " },\n      " + advertise(prefixes) + " }";
}

std::string commented(const std::string& text) {
  std::string out = "    // ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "    // ";
  }
  return out + "\n";
}

class Text {
 public:
  explicit Text(std::string indent) : begin_(std::move(indent) + "// ") {}
  void line(const std::string& text) { out_ += begin_ + text + "\n"; }
  // At most some of them.
  void list(const std::vector<std::string>& lines) {
    for (std::size_t i = 0; i < std::min(lines.size(), kMostShown); ++i) line("  " + lines[i]);
    if (lines.size() > kMostShown) line("  and " + std::to_string(lines.size() - kMostShown) + " more");
  }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  std::string begin_;
  std::string out_;
};

std::string findings(const StartingFacts& facts) {
  Text out("  ");
  for (const auto& note : facts.notes) out.line(harmless(note));
  std::vector<std::string> let_out;
  for (const bool host : {true, false}) {
    for (const auto& one : facts.filtered) {
      if (may_serve(one.prefix) != host) continue;
      let_out.push_back(one.prefix.to_string() + (one.exact ? "" : " and longer") + ", by " +
                        harmless(one.by) +
                        (one.for_routes ? ", for routes of the kernel"
                         : one.used     ? ""
                                        : ", which nothing is redistributed by"));
    }
  }
  out.line(let_out.empty()
               ? "No prefix was found that FRR lets out; `anyprobe frr-config` prints what it needs."
               : "FRR lets out:");
  out.list(let_out);
  std::vector<std::string> on_lo;
  for (const auto& one : facts.on_lo) on_lo.push_back(one.to_string());
  if (!on_lo.empty())
    out.line(
        "On lo already; one that is to be announced by its service is taken off first, or --adopt is said:");
  out.list(on_lo);
  return out.text();
}

std::string first_lines() {
  Text out("");
  out.line("Printed by anyprobe init, of what it found on this host. Look at each EDIT, and then:");
  out.line("  anyprobe validate          what is wrong with it");
  out.line("  anyprobe check             whether the services answer");
  out.line("  anyprobe run --dry-run     what would be announced");
  out.line("  anyprobe frr-config        what FRR needs for it");
  out.line("anyprobe.json(5) has every key, and `anyprobe probes TYPE` those of a probe.");
  return out.text();
}

}  // namespace

std::string starting_configuration(const StartingFacts& facts, const PluginTable& plugins) {
  const auto all_known = known_to(plugins);
  auto services = services_among(facts.listeners, all_known);
  const auto candidates = candidates_of(facts);
  share_out(candidates, services);

  std::string active;
  std::string dormant;
  for (const auto& one : services) {
    const auto* wants = one.known.place->wants;
    const auto told = harmless(where_it_listens(one)) + ".";
    if (wants == nullptr && !one.addresses.empty()) {
      active += std::string(active.empty() ? "" : ",\n") + "    // " + told +
                " EDIT: which of the addresses are this service's?\n    " + service_text(one, one.addresses);
      continue;
    }
    const std::string why = wants != nullptr ? std::string(" It wants ") + wants + "."
                            : is_for_others(one)
                                ? " EDIT: addresses of its own, which nothing else announces."
                                : " That is for this host alone.";
    dormant += "    // " + told + why + "\n" +
               commented((active.empty() && dormant.empty() ? "  " : ", ") +
                         service_text(one, one.addresses.empty() ? documentation() : one.addresses));
  }
  if (services.empty() && !all_known.empty()) {
    const auto& place = *all_known.front().place;
    const Found example{all_known.front(),
                        {{place.udp ? Protocol::udp : Protocol::tcp,
                          SocketAddress::parse("127.0.0.1", place.port).value(), ""}},
                        {}};
    const auto known_addresses = std::vector<Prefix>(
        candidates.begin(),
        candidates.begin() + static_cast<std::ptrdiff_t>(std::min(candidates.size(), kMostShown)));
    dormant = "    // No service that is known to this program listens here. An example:\n" +
              commented(service_text(example, candidates.empty() ? documentation() : known_addresses));
  }
  return first_lines() +
         "{\n"
         "  // How often each service is asked, how long an answer may take, and how many good or bad ones "
         "in a row\n"
         "  // make it up or down.\n"
         "  \"defaults\": { \"interval\": \"1s\", \"timeout\": \"800ms\", \"rise\": 2, \"fall\": 3 },\n\n" +
         findings(facts) + "  \"services\": [\n" + active + (active.empty() ? "" : "\n") + dormant +
         "  ]\n}\n";
}

}  // namespace anyprobe
