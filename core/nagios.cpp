#include "nagios.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "last_instance.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kShown = 4;
constexpr std::size_t kLongest = 160;
constexpr std::size_t kListed = 2;

using Texts = std::vector<std::string>;

// What stands behind | is performance data, and only one line is shown.
std::string plain(std::string_view text) {
  std::string out(text.substr(0, kLongest));
  for (char& c : out) {
    if (c == '|')
      c = '/';
    else if (c == '\n' || c == '\r' || c == '\t')
      c = ' ';
    else if (c < ' ' || c > '~')
      c = '?';
  }
  return out + (text.size() > kLongest ? "..." : "");
}

std::string more(const Texts& all, std::size_t shown) {
  return all.size() > shown ? " and " + std::to_string(all.size() - shown) + " more" : "";
}

std::string listed(const Texts& all) {
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), kListed); ++i) out += (i == 0 ? "" : ", ") + all[i];
  return out + more(all, kListed);
}

std::string within(const Texts& all, const char* words) {
  return all.empty() ? "" : std::string(words) + " (" + listed(all) + ")";
}

class Reporter {
 public:
  explicit Reporter(const Survey& told) {
    for (const auto& complaint : told.complaints) untold_.push_back(complaint.line);
    for (const auto& instance : told.instances) {
      if (!knows(instance)) continue;  // a complaint says why
      answered_ = true;
      for (const auto& service : instance.services) take(service);
      for (const auto& problem : instance.problems) {
        // Its service says so itself, if it is asked for.
        if (!problem.ends_with(kKeptWords)) warnings_.push_back(instance.name + ": " + problem);
      }
    }
    if (services_ == 0 && untold_.empty()) untold_.emplace_back("there is no service");
  }

  [[nodiscard]] NagiosReport report() const {
    const int code = !last_.empty() || !down_.empty() ? kCritical
                     : !untold_.empty()               ? kUnknown
                     : !warnings_.empty()             ? kWarning
                                                      : kDone;
    return {code, "ANYPROBE " + std::string(word_of(code)) + " - " + text() + performance()};
  }

 private:
  static const char* word_of(int code) {
    switch (code) {
      case kDone:
        return "OK";
      case kWarning:
        return "WARNING";
      case kCritical:
        return "CRITICAL";
      default:
        return "UNKNOWN";
    }
  }

  void take(const ServiceStatus& service) {
    ++services_;
    const bool active = service.admin == AdminState::active;
    const bool up = active && service.health == HealthState::up;
    const bool down = active && service.health == HealthState::down;
    up_ += up ? 1 : 0;
    down_count_ += down ? 1 : 0;
    drained_ += active ? 0 : 1;
    Texts kept;
    Texts still;
    Texts missing;
    Texts foreign;
    Texts unconfirmed;
    for (const auto& each : service.advertise) {
      ++advertisements_;
      const bool announced = each.state == AdvertisementState::announced;
      const bool keeps = down && announced && each.last_instance;
      announced_ += announced ? 1 : 0;
      wanted_ += up || keeps ? 1 : 0;
      if (keeps)
        kept.push_back(each.what);
      else if (down && announced)
        still.push_back(each.what);
      if (each.state == AdvertisementState::foreign)
        foreign.push_back(each.what);
      else if (up && !announced)
        missing.push_back(each.what);
      if (each.routing.confirmed == std::optional(false)) unconfirmed.push_back(each.what);
    }
    kept_ += kept.size();
    unconfirmed_ += unconfirmed.size();

    const auto& name = service.name;
    const auto why = service.reason + (service.detail.empty() ? "" : ", " + service.detail);
    const auto because = why.empty() ? why : ": " + why;
    if (!kept.empty()) {
      last_.push_back("LAST INSTANCE: " + name +
                      " is down and kept announced for want of others (min_peers): " + listed(kept));
    }
    if (down && (kept.empty() || !still.empty()))
      down_.push_back(name + " is down" + within(still, " and still announced") + because);
    if (!active) warnings_.push_back(name + " is " + to_string(service.admin));
    if (active && !up && !down) warnings_.push_back(name + " is unknown" + because);
    if (!missing.empty()) warnings_.push_back(name + " is up" + within(missing, " and not announced"));
    if (!foreign.empty()) warnings_.push_back(name + within(foreign, ": foreign"));
    if (!unconfirmed.empty()) warnings_.push_back(name + within(unconfirmed, ": not confirmed"));
  }

  [[nodiscard]] std::string text() const {
    Texts all;
    for (const auto* some : {&last_, &down_, &untold_, &warnings_})
      all.insert(all.end(), some->begin(), some->end());
    if (all.empty()) {
      return std::to_string(services_) + (services_ == 1 ? " service" : " services") + " up, " +
             std::to_string(announced_) + " of " + std::to_string(wanted_) + " advertised";
    }
    std::string out;
    for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i)
      out += (i == 0 ? "" : "; ") + plain(all[i]);
    return out + more(all, kShown);
  }

  // No number is better than a zero that nobody has counted.
  [[nodiscard]] std::string performance() const {
    if (!answered_) return {};
    std::string out = " |";
    const auto add = [&](const char* label, std::size_t value, const char* levels,
                         std::optional<std::size_t> most) {
      out += std::string(" ") + label + "=" + std::to_string(value) + ";" + levels + ";0" +
             (most ? ";" + std::to_string(*most) : "");
    };
    constexpr const char* kNone = ";";
    constexpr const char* kWarns = "0;";
    constexpr const char* kAlarms = ";0";
    add("services", services_, kNone, std::nullopt);
    add("up", up_, kNone, services_);
    add("down", down_count_, kAlarms, services_);
    add("drained", drained_, kWarns, services_);
    add("announced", announced_, kNone, advertisements_);
    add("wanted", wanted_, kNone, advertisements_);
    add("unconfirmed", unconfirmed_, kWarns, advertisements_);
    add("last_instance", kept_, kAlarms, advertisements_);
    return out;
  }

  Texts last_;
  Texts down_;
  Texts untold_;
  Texts warnings_;
  bool answered_ = false;
  std::size_t services_ = 0;
  std::size_t up_ = 0;
  std::size_t down_count_ = 0;
  std::size_t drained_ = 0;
  std::size_t advertisements_ = 0;
  std::size_t announced_ = 0;
  std::size_t wanted_ = 0;
  std::size_t unconfirmed_ = 0;
  std::size_t kept_ = 0;
};

}  // namespace

NagiosReport nagios_report(const Survey& told) {
  return Reporter(told).report();
}

}  // namespace anyprobe
