#include "status_table.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace anyprobe {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kWidth = 80;
constexpr std::size_t kLongestName = 24;

// A daemon's words go to a terminal: nothing in them may be taken for a command to it.
std::string plain(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

std::string cut(std::string text, std::size_t width) {
  constexpr std::string_view kMore = "...";
  if (text.size() <= width) return text;
  text.resize(width - kMore.size());
  return text + std::string(kMore);
}

std::string padded(std::string text, std::size_t width) {
  text = cut(std::move(text), width);
  return text + std::string(width - text.size(), ' ');
}

// Lines that begin `indent` columns in, and those behind the first two more.
std::string folded(const std::string& text, std::size_t indent) {
  std::string out;
  std::string_view rest = text;
  for (bool first = true; first || !rest.empty(); first = false) {
    const auto begin = indent + (first ? 0 : 2);
    const auto room = kWidth - begin;
    auto end = rest.size() <= room ? rest.size() : rest.rfind(' ', room);
    if (end == std::string_view::npos || end == 0) end = std::min(room, rest.size());
    out += std::string(begin, ' ') + std::string(rest.substr(0, end)) + '\n';
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  }
  return out;
}

std::string took(std::chrono::microseconds duration) {
  const auto us = static_cast<double>(duration.count());
  char out[32];
  std::snprintf(out, sizeof out,
                us < 9950      ? "%.1fms"
                : us < 999'500 ? "%.0fms"
                               : "%.1fs",
                us < 999'500 ? us / 1e3 : us / 1e6);
  return out;
}

std::string last_check(const std::optional<CheckStatus>& check) {
  if (!check) return "none";
  if (check->verdict == Verdict::local_error) return to_string(check->verdict);
  return std::string(to_string(check->verdict)) + " " + took(check->duration);
}

std::string row(const std::vector<std::pair<std::string, std::size_t>>& columns, const std::string& last) {
  std::string out;
  for (const auto& [text, width] : columns) out += padded(text, width) + "  ";
  out += cut(last, kWidth - out.size());
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

// "confirmed: 2 of 2, other routers: 0 to 1"; nothing where nothing is known.
std::string routing_row(const ServiceStatus& service) {
  std::size_t told = 0;
  std::size_t confirmed = 0;
  std::optional<unsigned> least;
  unsigned most = 0;
  for (const auto& each : service.advertise) {
    if (each.routing.confirmed) ++told;
    if (each.routing.confirmed == std::optional(true)) ++confirmed;
    if (!each.routing.others) continue;
    least = std::min(least.value_or(*each.routing.others), *each.routing.others);
    most = std::max(most, *each.routing.others);
  }
  std::string out;
  if (told > 0)
    out = "confirmed: " + std::to_string(confirmed) + " of " + std::to_string(service.advertise.size());
  if (least) {
    out += std::string(out.empty() ? "" : ", ") + "other routers: " + std::to_string(*least);
    if (most != *least) out += " to " + std::to_string(most);
  }
  return out.empty() ? out : folded(out, 2);
}

// What a router would drop now.
std::string waiting(const AdvertisementStatus& one, WallTime now) {
  if (!one.waits_until) return {};
  const auto left = std::max(*one.waits_until - now, WallTime::duration());
  return std::string(", to be ") + (one.state == AdvertisementState::announced ? "withdrawn" : "announced") +
         " in " + took(std::chrono::ceil<milliseconds>(left)) + " (lsa_spacing)";
}

// Of one that is to be drained in its turn, or was.
std::string token_row(const TokenStatus& token) {
  const char* words[] = {"", "waits until nobody else holds it", "waits for its turn", "held",
                         "held until the service is back"};
  const auto* word = words[static_cast<std::size_t>(token.queue)];
  if (token.queue == DrainQueue::State::out) return {};
  const auto others = token.advertisement.routing.others.value_or(0);
  return folded("drain token " + plain(token.advertisement.what) + ": " + word +
                    (others > 0 ? ", other routers: " + std::to_string(others) : ""),
                2);
}

const char* colour_of(const ServiceStatus& service) {
  if (service.admin != AdminState::active || service.health == HealthState::unknown) return "\x1b[33m";
  return service.health == HealthState::up ? "\x1b[32m" : "\x1b[1;31m";
}

// Where it was asked for.
std::string detail_rows(const ServiceStatus& service, WallTime now) {
  std::string out;
  if (!service.history) return out;
  if (!service.history->recent.empty()) {
    std::string strip;
    for (const auto& check : service.history->recent)
      strip += check.verdict == Verdict::pass ? '.' : check.verdict == Verdict::fail ? 'x' : '?';
    out += folded("last answers: " + strip, 2);
  }
  for (const auto& each : service.history->transitions) {
    out += folded(rough(now - each.at) + " ago: " + to_string(each.to) +
                      plain((each.reason.empty() ? "" : ", ") + each.reason +
                            (each.detail.empty() ? "" : ", " + each.detail)),
                  2);
  }
  for (const auto& each : service.advertise) {
    if (!each.detail) continue;
    std::string who;
    if (each.detail->announcers) {
      for (const auto& router : *each.detail->announcers)
        who += (who.empty() ? ", announced by " : ", ") + router.router + (router.here ? " (here)" : "");
      if (who.empty()) who = ", announced by nobody";
    }
    out += folded(plain(each.what + ": " + to_string(each.state) +
                        (each.detail->since ? " for " + rough(now - *each.detail->since) : "") + who),
                  2);
  }
  return out;
}

std::string service_rows(const ServiceStatus& service, std::size_t name_width, WallTime now, bool colour) {
  const bool active = service.admin == AdminState::active;
  const std::string health = active ? to_string(service.health) : to_string(service.admin);
  auto out = row({{plain(service.name), name_width},
                  {health, 8},
                  {rough(now - service.since), 8},
                  {last_check(service.last_check), 11}},
                 plain(service.reason + (service.detail.empty() ? "" : ", " + service.detail)));
  if (colour) {
    const auto begin = name_width + 2;
    out.insert(begin + health.size(), "\x1b[0m").insert(begin, colour_of(service));
  }
  const bool up = active && service.health == HealthState::up;
  const auto wanted = up ? AdvertisementState::announced : AdvertisementState::withdrawn;
  for (const auto& each : service.advertise) {
    const bool unconfirmed = each.routing.confirmed == std::optional(false);
    if (each.state == wanted && !unconfirmed && !each.waits_until) continue;
    const bool still =
        (each.state != wanted || each.waits_until) && each.state == AdvertisementState::announced;
    out += folded(plain(each.what) + " is " + (still ? "still " : "") + to_string(each.state) +
                      (each.waits_until ? waiting(each, now)
                       : unconfirmed    ? ", not confirmed"
                                        : ""),
                  2);
  }
  return out + routing_row(service) + (service.token ? token_row(*service.token) : "") +
         detail_rows(service, now);
}

}  // namespace

std::string rough(milliseconds duration) {
  const auto s = std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(duration).count(), 0);
  const auto both = [](std::int64_t large, const char* unit, std::int64_t small, const char* smaller) {
    return std::to_string(large) + unit + " " + std::to_string(small) + smaller;
  };
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return both(s / 60, "m", s % 60, "s");
  if (s < 86400) return both(s / 3600, "h", s / 60 % 60, "m");
  return both(s / 86400, "d", s / 3600 % 24, "h");
}

std::string status_table(std::span<const InstanceStatus> instances, WallTime now, bool colour) {
  std::size_t name_width = std::string_view("SERVICE").size();
  for (const auto& instance : instances) {
    for (const auto& service : instance.services) name_width = std::max(name_width, service.name.size());
  }
  name_width = std::min(name_width, kLongestName);
  std::string out;
  for (const auto& instance : instances) {
    if (!out.empty()) out += '\n';
    out +=
        folded(plain(instance.name + ": pid " + (instance.pid ? std::to_string(*instance.pid) : "unknown") +
                     ", version " + instance.version + ", for " + rough(instance.uptime)),
               0);
    for (const auto& problem : instance.problems) out += folded("problem: " + plain(problem), 2);
    if (instance.services.empty()) continue;
    out += row({{"SERVICE", name_width}, {"HEALTH", 8}, {"FOR", 8}, {"LAST CHECK", 11}}, "REASON");
    for (const auto& service : instance.services) out += service_rows(service, name_width, now, colour);
  }
  return out;
}

}  // namespace anyprobe
