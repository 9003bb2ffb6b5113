#include "probes/named_probe.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "probes/failure.hpp"
#include "probes/lookup.hpp"

namespace anyprobe {
namespace {

constexpr auto kLeastLife = std::chrono::seconds(5);
constexpr auto kRetryAfter = std::chrono::seconds(1);

class NamedProbe;

class NamedAttempt final : public Attempt {
 public:
  NamedAttempt(NamedProbe& probe, ResultSink& sink) : probe_(probe), sink_(sink) {}
  ~NamedAttempt() override;

  void proceed();
  [[nodiscard]] bool asked() const override { return inner_ != nullptr && inner_->asked(); }
  [[nodiscard]] std::string waiting_for() const override;

 private:
  NamedProbe& probe_;
  ResultSink& sink_;
  std::unique_ptr<Attempt> inner_;
};

class NamedProbe final : public Probe {
 public:
  NamedProbe(EventLoop& loop, const std::vector<NamedHost>& hosts, std::optional<Family> family,
             MakeProbe make)
      : loop_(loop), family_(family), make_(std::move(make)) {
    for (const auto& host : hosts) targets_.push_back({host, host.host.address, {}, {}, {}});
  }

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    return inner_ ? inner_->endpoints() : std::vector<Endpoint>();
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<NamedAttempt>(*this, sink);
    look_up();
    attempt->proceed();
    return attempt;
  }

  // The probe of the addresses that are known; null while one is still waited for.
  Probe* ready() {
    const bool waiting = std::any_of(targets_.begin(), targets_.end(), [](const Target& target) {
      return !target.address && target.lookup != nullptr;
    });
    if (waiting || !missing().empty()) return nullptr;
    ResolvedHosts now;
    for (const auto& target : targets_) {
      now.push_back(target.address ? std::optional(SocketAddress{*target.address, target.named.host.port})
                                   : std::nullopt);
    }
    if (!inner_ || now != made_for_) {
      inner_ = make_(now);
      made_for_ = std::move(now);
    }
    return inner_.get();
  }

  // Which needed address is not known, and why.
  [[nodiscard]] std::string missing() const {
    std::string out;
    for (const auto& target : targets_) {
      if (target.address || !target.named.needed || target.lookup) continue;
      out += (out.empty() ? "" : "; ") + target.named.host.name + ": " + target.error;
    }
    return out;
  }

  [[nodiscard]] std::string waiting_for() const {
    std::string out;
    for (const auto& target : targets_) {
      if (target.address || !target.lookup) continue;
      out += (out.empty() ? "no address yet of " : ", ") + target.named.host.name;
    }
    return out;
  }

  void wait(NamedAttempt* attempt) { waiting_ = attempt; }

 private:
  struct Target {
    NamedHost named;
    std::optional<IpAddress> address;
    TimePoint due;  // when it is to be looked up again
    std::string error;
    std::unique_ptr<Lookup> lookup;
  };

  void look_up() {
    const auto now = Clock::now();
    for (auto& target : targets_) {
      if (target.named.host.address || target.lookup || target.due > now) continue;
      target.lookup = std::make_unique<Lookup>(
          loop_, target.named.host.name, target.named.family ? target.named.family : family_,
          [this, &target](const LookupResult& result) { looked_up(target, result); });
    }
  }

  void looked_up(Target& target, const LookupResult& result) {
    const auto lookup = std::move(target.lookup);  // destroyed at the end of this
    if (result.address) {
      target.address = result.address;
      target.due = Clock::now() + std::max<Duration>(result.time_to_live, kLeastLife);
    } else {
      target.error = result.error;
      target.due = Clock::now() + kRetryAfter;
    }
    if (waiting_ != nullptr) waiting_->proceed();
  }

  EventLoop& loop_;
  std::optional<Family> family_;
  MakeProbe make_;
  std::vector<Target> targets_;  // of one size from the start: lookups refer to what is in it
  std::unique_ptr<Probe> inner_;
  ResolvedHosts made_for_;
  NamedAttempt* waiting_ = nullptr;
};

NamedAttempt::~NamedAttempt() {
  probe_.wait(nullptr);
}

void NamedAttempt::proceed() {
  if (auto* probe = probe_.ready()) {
    probe_.wait(nullptr);
    inner_ = probe->start(sink_);
    return;
  }
  if (const auto missing = probe_.missing(); !missing.empty()) {
    probe_.wait(nullptr);
    sink_.report({Verdict::local_error, Evidence::soft, failure_reason::kUnresolved, missing});
    return;
  }
  probe_.wait(this);
}

std::string NamedAttempt::waiting_for() const {
  return inner_ ? inner_->waiting_for() : probe_.waiting_for();
}

}  // namespace

std::unique_ptr<Probe> make_named_probe(EventLoop& loop, std::vector<NamedHost> hosts,
                                        std::optional<Family> family, MakeProbe make) {
  const bool literal = std::all_of(hosts.begin(), hosts.end(),
                                   [](const NamedHost& named) { return named.host.address.has_value(); });
  if (!literal) return std::make_unique<NamedProbe>(loop, hosts, family, std::move(make));
  ResolvedHosts addresses;
  for (const auto& named : hosts) addresses.push_back(SocketAddress{*named.host.address, named.host.port});
  return make(addresses);
}

std::vector<SocketAddress> addresses_of(const ResolvedHosts& hosts) {
  std::vector<SocketAddress> out;
  for (const auto& host : hosts) out.push_back(host.value());
  return out;
}

std::vector<NamedHost> all_needed(const std::vector<Host>& hosts) {
  std::vector<NamedHost> out;
  for (const auto& host : hosts) out.push_back({host, true, {}});
  return out;
}

}  // namespace anyprobe
