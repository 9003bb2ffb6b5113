#include "status.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "text.hpp"

namespace anyprobe {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kHealth[] = {"unknown", "up", "down"};
constexpr const char* kAdmin[] = {"active", "draining", "drained"};
constexpr const char* kQueueStates[] = {"out", "waiting", "claiming", "holding", "returning"};
constexpr const char* kVerdicts[] = {"pass", "fail", "local_error"};
constexpr const char* kStates[] = {"withdrawn", "announced", "foreign", "lingering"};

// Beyond these, sums of times would overflow.
constexpr double kLongestMilliseconds = 1e12;
constexpr std::int64_t kLongestUptime = 1'000'000'000'000;

ordered_json or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

template <typename T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json as_json(const CheckStatus& check) {
  ordered_json out;
  out["at"] = to_text(check.at);
  out["verdict"] = to_string(check.verdict);
  out["reason"] = check.reason;
  out["duration_ms"] = static_cast<double>(check.duration.count()) / 1000;
  return out;
}

ordered_json as_json(const TransitionStatus& transition) {
  ordered_json out;
  out["at"] = to_text(transition.at);
  out["to"] = to_string(transition.to);
  out["reason"] = or_null(transition.reason);
  out["detail"] = or_null(transition.detail);
  return out;
}

void add(const AdvertisementDetail& detail, ordered_json& to) {
  to["since"] = detail.since ? ordered_json(to_text(*detail.since)) : ordered_json();
  auto& announcers = to["announcers"] = nullptr;
  if (!detail.announcers) return;
  announcers = ordered_json::array();
  for (const auto& each : *detail.announcers)
    announcers.push_back(ordered_json{{"router", each.router}, {"here", each.here}});
}

ordered_json waiting(const AdvertisementStatus& one) {
  if (!one.waits_until) return {};
  const bool announced = one.state == AdvertisementState::announced;
  ordered_json out;
  out["to"] = announced ? "withdraw" : "announce";
  out["until"] = to_text(*one.waits_until);
  out["reason"] = "lsa_spacing";
  return out;
}

ordered_json as_json(const AdvertisementStatus& each) {
  ordered_json out;
  out["what"] = each.what;
  out["state"] = to_string(each.state);
  out["waiting"] = waiting(each);
  out["confirmed"] = or_null(each.routing.confirmed);
  out["others"] = or_null(each.routing.others);
  if (each.detail) add(*each.detail, out);
  return out;
}

ordered_json as_json(const ServiceStatus& service, const std::string& instance) {
  ordered_json out;
  out["name"] = service.name;
  out["instance"] = instance;
  out["health"] = to_string(service.health);
  out["admin"] = to_string(service.admin);
  out["reason"] = or_null(service.reason);
  out["detail"] = or_null(service.detail);
  out["since"] = to_text(service.since);
  out["last_check"] = service.last_check ? as_json(*service.last_check) : ordered_json();
  auto& advertise = out["advertise"] = ordered_json::array();
  for (const auto& each : service.advertise) {
    advertise.push_back(as_json(each));
    advertise.back()["last_instance"] = each.last_instance;
  }
  out["drain_token"] = nullptr;
  if (service.token) {
    out["drain_token"] = as_json(service.token->advertisement);
    out["drain_token"]["queue"] = to_string(service.token->queue);
  }
  if (service.counts) out["counts"] = as_json(*service.counts);
  if (!service.history) return out;
  auto& recent = out["recent"] = ordered_json::array();
  for (const auto& check : service.history->recent) recent.push_back(as_json(check));
  auto& transitions = out["transitions"] = ordered_json::array();
  for (const auto& transition : service.history->transitions) transitions.push_back(as_json(transition));
  return out;
}

ordered_json as_json(const InstanceStatus& instance) {
  ordered_json out;
  const bool told = !instance.version.empty();
  out["name"] = instance.name;
  out["state"] = instance.state;
  out["pid"] = instance.pid ? ordered_json(*instance.pid) : ordered_json();
  out["version"] = or_null(instance.version);
  out["uptime_s"] = told ? ordered_json(instance.uptime.count()) : ordered_json();
  out["reloads_asked"] = told ? ordered_json(instance.reloads_asked) : ordered_json();
  out["reloads_done"] = told ? ordered_json(instance.reloads_done) : ordered_json();
  out["problems"] = instance.problems;
  if (instance.counts) out["counts"] = as_json(*instance.counts);
  return out;
}

// Reads members by name, and remembers the first that is not as it should be.
class Reader {
 public:
  const json& array(const json& of, const char* key) {
    const auto& found = member(of, key);
    if (!found.is_array()) wrong(key);
    return found.is_array() ? found : empty_;
  }

  std::string text(const json& of, const char* key) {
    const auto& found = member(of, key);
    if (!found.is_string()) wrong(key);
    return found.is_string() ? found.get<std::string>() : std::string();
  }

  std::string text_or_null(const json& of, const char* key) {
    return member(of, key).is_null() ? std::string() : text(of, key);
  }

  bool boolean(const json& of, const char* key) {
    const auto& found = member(of, key);
    if (!found.is_boolean()) wrong(key);
    return found == json(true);
  }

  std::int64_t integer(const json& of, const char* key, std::int64_t most) {
    const auto& found = member(of, key);
    // Above what fits, as_unsigned is not what was said.
    const bool good =
        found.is_number_unsigned() && found.get<std::uint64_t>() <= static_cast<std::uint64_t>(most);
    if (!good) wrong(key);
    return good ? found.get<std::int64_t>() : 0;
  }

  std::chrono::microseconds milliseconds(const json& of, const char* key) {
    const auto& found = member(of, key);
    const double value = found.is_number() ? found.get<double>() : -1;
    const bool good = value >= 0 && value <= kLongestMilliseconds;
    if (!good) wrong(key);
    return std::chrono::microseconds(good ? std::llround(value * 1000) : 0);
  }

  WallTime time(const json& of, const char* key) {
    const auto parsed = parse_time(text(of, key));
    if (!parsed) wrong(key);
    return parsed.value_or(WallTime());
  }

  template <typename Enum, std::size_t count>
  Enum word(const json& of, const char* key, const char* const (&words)[count]) {
    const auto found = text(of, key);
    for (std::size_t i = 0; i < count; ++i) {
      if (found == words[i]) return static_cast<Enum>(i);
    }
    wrong(key);
    return {};
  }

  const json& member(const json& of, const char* key) {
    if (of.is_object()) {
      if (const auto it = of.find(key); it != of.end()) return *it;
    }
    wrong(key);
    return null_;
  }

  void wrong(const char* key) {
    if (error_.empty()) error_ = in_quotes(key) + " is missing or is not as it should be";
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  const json null_;
  const json empty_ = json::array();
  std::string error_;
};

bool has(const json& in, const char* key) {
  return in.is_object() && in.contains(key);
}

CheckStatus read_check(Reader& reader, const json& from) {
  return {reader.time(from, "at"), reader.word<Verdict>(from, "verdict", kVerdicts),
          reader.text(from, "reason"), reader.milliseconds(from, "duration_ms")};
}

ServiceHistory read_history(Reader& reader, const json& from) {
  ServiceHistory out;
  for (const auto& each : reader.array(from, "recent")) out.recent.push_back(read_check(reader, each));
  for (const auto& each : reader.array(from, "transitions")) {
    out.transitions.push_back({reader.time(each, "at"), reader.word<HealthState>(each, "to", kHealth),
                               reader.text_or_null(each, "reason"), reader.text_or_null(each, "detail")});
  }
  return out;
}

AdvertisementDetail read_detail(Reader& reader, const json& from) {
  AdvertisementDetail out;
  if (!reader.member(from, "since").is_null()) out.since = reader.time(from, "since");
  if (reader.member(from, "announcers").is_null()) return out;
  auto& all = out.announcers.emplace();
  for (const auto& each : reader.array(from, "announcers"))
    all.push_back({reader.text(each, "router"), reader.boolean(each, "here")});
  return out;
}

Confirmation read_confirmation(Reader& reader, const json& from) {
  Confirmation out;
  if (const auto& confirmed = reader.member(from, "confirmed"); confirmed.is_boolean())
    out.confirmed = confirmed.get<bool>();
  else if (!confirmed.is_null())
    reader.wrong("confirmed");
  if (!reader.member(from, "others").is_null()) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    out.others = static_cast<unsigned>(reader.integer(from, "others", kMost));
  }
  return out;
}

AdvertisementStatus read_advertisement(Reader& reader, const json& from) {
  AdvertisementStatus out{reader.text(from, "what"), reader.word<AdvertisementState>(from, "state", kStates),
                          read_confirmation(reader, from)};
  // A daemon of an earlier version says nothing of it, as of the token.
  if (const auto it = from.find("waiting"); it != from.end() && !it->is_null())
    out.waits_until = reader.time(*it, "until");
  if (has(from, "last_instance")) out.last_instance = reader.boolean(from, "last_instance");
  if (has(from, "since")) out.detail = read_detail(reader, from);
  return out;
}

ServiceStatus read_service(Reader& reader, const json& from) {
  ServiceStatus out;
  out.name = reader.text(from, "name");
  out.health = reader.word<HealthState>(from, "health", kHealth);
  out.admin = reader.word<AdminState>(from, "admin", kAdmin);
  out.reason = reader.text_or_null(from, "reason");
  out.detail = reader.text_or_null(from, "detail");
  out.since = reader.time(from, "since");
  if (const auto& check = reader.member(from, "last_check"); !check.is_null()) {
    out.last_check = read_check(reader, check);
  }
  for (const auto& each : reader.array(from, "advertise"))
    out.advertise.push_back(read_advertisement(reader, each));
  if (const auto it = from.find("drain_token"); it != from.end() && !it->is_null()) {
    out.token = TokenStatus{read_advertisement(reader, *it),
                            reader.word<DrainQueue::State>(*it, "queue", kQueueStates)};
  }
  if (has(from, "recent")) out.history = read_history(reader, from);
  if (const auto it = from.find("counts"); it != from.end()) {
    out.counts = read_service_counts(*it);
    if (!out.counts) reader.wrong("counts");
  }
  return out;
}

std::optional<int> digits(std::string_view text) {
  int out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return out;
}

}  // namespace

const char* to_string(AdvertisementState state) {
  return kStates[static_cast<std::size_t>(state)];
}

const char* to_string(AdminState state) {
  return kAdmin[static_cast<std::size_t>(state)];
}

const char* to_string(DrainQueue::State state) {
  return kQueueStates[static_cast<std::size_t>(state)];
}

const char* to_string(Verdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

std::string to_text(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return out;
}

std::optional<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '0' && text[i] != kShape[i]) return std::nullopt;
  }
  constexpr std::size_t kAt[][2] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {20, 3}};
  std::array<int, std::size(kAt)> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = digits(text.substr(kAt[i][0], kAt[i][1]));
    if (!number) return std::nullopt;
    parts[i] = *number;
  }
  const auto date =
      year(parts[0]) / month(static_cast<unsigned>(parts[1])) / day(static_cast<unsigned>(parts[2]));
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return std::nullopt;
  return WallTime(sys_days(date).time_since_epoch() + hours(parts[3]) + minutes(parts[4]) +
                  seconds(parts[5]) + milliseconds(parts[6]));
}

std::string status_json(std::span<const InstanceStatus> instances, bool pretty) {
  ordered_json out;
  out["services"] = ordered_json::array();
  out["instances"] = ordered_json::array();
  for (const auto& instance : instances) {
    for (const auto& service : instance.services) out["services"].push_back(as_json(service, instance.name));
    out["instances"].push_back(as_json(instance));
  }
  return out.dump(pretty ? 2 : -1, ' ', false, ordered_json::error_handler_t::replace);
}

Outcome<InstanceStatus> read_status(std::string_view text) {
  const auto from = json::parse(text, nullptr, false);
  if (from.is_discarded()) return Error{"it is no JSON"};
  Reader reader;
  InstanceStatus out;
  const auto& instances = reader.array(from, "instances");
  if (instances.size() != 1) reader.wrong("instances");
  if (!reader.error().empty()) return Error{reader.error()};
  const auto& instance = instances.front();
  out.name = reader.text(instance, "name");
  out.state = reader.text(instance, "state");
  out.pid = static_cast<int>(reader.integer(instance, "pid", std::numeric_limits<int>::max()));
  out.version = reader.text(instance, "version");
  out.uptime = std::chrono::seconds(reader.integer(instance, "uptime_s", kLongestUptime));
  constexpr std::int64_t kMany = std::numeric_limits<std::uint32_t>::max();
  out.reloads_asked = static_cast<std::uint32_t>(reader.integer(instance, "reloads_asked", kMany));
  out.reloads_done = static_cast<std::uint32_t>(reader.integer(instance, "reloads_done", kMany));
  for (const auto& problem : reader.array(instance, "problems")) {
    if (!problem.is_string()) reader.wrong("problems");
    out.problems.push_back(problem.is_string() ? problem.get<std::string>() : std::string());
  }
  if (const auto it = instance.find("counts"); it != instance.end()) {
    out.counts = read_instance_counts(*it);
    if (!out.counts) reader.wrong("counts");
  }
  for (const auto& service : reader.array(from, "services"))
    out.services.push_back(read_service(reader, service));
  if (out.state != "running" || out.version.empty()) reader.wrong("state");
  if (!reader.error().empty()) return Error{reader.error()};
  return out;
}

}  // namespace anyprobe
