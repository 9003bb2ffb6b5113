// Many nodes that want to be drained, by the protocol of core/drain_queue.hpp, over a network that delays,
// loses, parts and heals, with nodes that die: random schedules, each judged at every event.
//
//     drain_simulation [SCHEDULES [SEED [FLAW]]]
//
// Prints how many there were of each kind and what was seen, and exits 1 at the first that is not as
// promised. FLAW breaks the protocol in one place, so that the judges can be tried: "hasty", "lastborn",
// "pushy" or "careless".
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/drain_queue.hpp"

namespace {

using namespace anyprobe;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Duration kFlooding = 3s;
constexpr Duration kLongestLook = 1900ms;
constexpr Duration kDetection = 2s;  // until all know that a router can or cannot be reached, at most
constexpr TimePoint kBegin{1000s};
constexpr Duration kSpan = 3000s;

enum class Flaw { none, hasty, lastborn, pushy, careless };

struct Kind {
  const char* name;
  bool parts = false;
  bool deaths = false;
  bool gives_up = false;
  bool drops = false;  // more than is promised for: then nothing is but that somebody else was seen
};
constexpr Kind kKinds[] = {
    {"all at once", false, false, false, false},
    {"at any time", false, false, false, false},
    {"some give up", false, false, true, false},
    {"some die", false, true, true, false},
    {"parted", true, false, true, false},
    {"parted, some die", true, true, true, false},
    {"late beyond the promise", true, true, true, true},
};

struct Totals {
  std::size_t schedules = 0;
  std::size_t drains = 0;
  std::size_t refused = 0;
  std::size_t several = 0;  // of schedules: at some time more than one held
  Duration longest_wait{};
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(engine_() % end); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  Duration between(Duration least, Duration most) {
    const auto span = std::chrono::duration_cast<milliseconds>(most - least).count();
    return least + milliseconds(below(static_cast<std::size_t>(span) + 1));
  }

 private:
  std::mt19937_64 engine_;
};

class World {
 public:
  World(const Kind& kind, std::uint64_t seed, Flaw flaw) : kind_(kind), flaw_(flaw), random_(seed) {
    // Few nodes as a rule, and sometimes many.
    const std::size_t most = random_.one_in(20) ? 50 : random_.one_in(4) ? 12 : 5;
    count_ = 2 + random_.below(most - 1);
    nodes_.resize(count_);
    views_.resize(count_ * count_);
    plan();
  }

  // What is wrong; empty: nothing.
  const std::string& run() {
    while (!events_.empty() && wrong_.empty()) {
      const auto event = events_.top();
      events_.pop();
      now_ = event.at;
      if (now_ > kBegin + kSpan) break;
      handle(event);
    }
    if (wrong_.empty() && !kind_.parts && !kind_.deaths && !kind_.gives_up) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (!nodes_[i].done) complain(i, "never had its turn");
      }
    }
    return wrong_;
  }

  std::size_t drains = 0;
  std::size_t refused = 0;
  bool several = false;
  Duration longest_wait{};
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  enum class What : std::uint8_t {
    look,
    join,
    resume,
    confirmed,
    deliver,
    reach,
    part,
    heal,
    die,
    fall,
    give_up
  };
  struct Event {
    TimePoint at;
    What what{};
    std::size_t node = 0;  // whom it happens to, or who learns it
    std::size_t of = 0;
    bool token = false;
    bool value = false;
    std::uint32_t number = 0;
    bool operator<(const Event& other) const { return at > other.at; }
  };
  struct Node {
    DrainQueue queue;
    bool serves = true;
    bool token = false;
    bool alive = true;      // the daemon
    bool reachable = true;  // the host
    bool wants = false;
    bool done = false;
    std::uint32_t number[2]{};
    std::size_t part = 0;
    TimePoint wanted{};
    TimePoint claimed{};
    TimePoint died{};
    Duration restart{};
    // Of those that it can reach:
    unsigned tokens = 0;
    unsigned before = 0;
    unsigned services = 0;
    // Those that it knows to serve and that do.
    unsigned served_by = 0;
  };
  struct View {
    bool token = false;
    bool service = true;
    bool reaches = true;
    std::uint32_t number[2]{};
    TimePoint apart{};  // since when they could not hear each other the last time
  };

  View& view(std::size_t who, std::size_t of) { return views_[who * count_ + of]; }
  void add(Event event) { events_.push(event); }
  void complain(std::size_t node, const std::string& what) {
    if (!wrong_.empty()) return;
    const auto at = std::chrono::duration<double>(now_ - kBegin).count();
    wrong_ = "node " + std::to_string(node) + " of " + std::to_string(count_) + " at " + std::to_string(at) +
             " s: " + what;
  }

  void plan() {
    const bool at_once = std::string_view(kind_.name) == "all at once" || random_.one_in(3);
    for (std::size_t i = 0; i < count_; ++i) {
      auto& node = nodes_[i];
      node.services = node.served_by = static_cast<unsigned>(count_) - 1;
      ++node.served_by;  // itself
      node.restart = random_.between(100ms, 20s);
      const bool wants = at_once || !random_.one_in(3);
      node.done = !wants;
      const auto begin = kBegin + (at_once ? random_.between(0ms, 1s) : random_.between(0ms, 60s));
      if (wants) add({begin, What::join, i});
      if (wants && kind_.gives_up && random_.one_in(3))
        add({begin + random_.between(0ms, 60s), What::give_up, i});
      if (kind_.deaths && random_.one_in(3)) add({kBegin + random_.between(0ms, 90s), What::die, i});
    }
    if (kind_.parts) {
      auto at = kBegin + random_.between(0ms, 40s);
      for (std::size_t times = 1 + random_.below(3); times > 0; --times) {
        add({at, What::part});
        at += random_.between(1s, 40s);
        add({at, What::heal});
        at += random_.between(0ms, 30s);
      }
    }
  }

  Duration delay() {
    if (kind_.drops && random_.one_in(4)) return random_.between(0ms, 4 * kFlooding);
    return random_.one_in(4) ? random_.between(0ms, kFlooding) : random_.between(5ms, 300ms);
  }

  void tell(std::size_t i, bool token, bool value) {
    const auto number = ++nodes_[i].number[token ? 1 : 0];
    for (std::size_t other = 0; other < count_; ++other) {
      if (other != i) add({now_ + delay(), What::deliver, other, i, token, value, number});
    }
  }

  void set_service(std::size_t i, bool serves) {
    if (nodes_[i].serves == serves) return;
    nodes_[i].serves = serves;
    const auto change = serves ? 1U : ~0U;
    for (std::size_t other = 0; other < count_; ++other) {
      if (other == i || view(other, i).service) nodes_[other].served_by += change;
    }
    tell(i, false, serves);
    if (!serves) look_for_a_gap();
  }

  void look_for_a_gap() {
    if (kind_.parts || kind_.deaths || kind_.drops) return;  // then deaths may leave one, see drain()
    for (std::size_t i = 0; i < count_; ++i) {
      if (nodes_[i].served_by == 0) complain(i, "knows of nobody who serves");
    }
  }

  void set_token(std::size_t i) {
    auto& node = nodes_[i];
    const bool token = node.alive && node.queue.announces_token();
    if (node.token == token) return;
    node.token = token;
    if (token) node.claimed = now_;
    tell(i, true, token);
  }

  void count(std::size_t who, std::size_t of, const View& view, unsigned change) {
    if (!view.reaches) return;
    if (view.token) {
      nodes_[who].tokens += change;
      if (of < who) nodes_[who].before += change;
    }
    if (view.service) nodes_[who].services += change;
  }

  template <typename Change>
  void see(std::size_t who, std::size_t of, Change change) {
    auto& seen = view(who, of);
    count(who, of, seen, ~0U);
    const bool served = seen.service && nodes_[of].serves;
    change(seen);
    const bool serves = seen.service && nodes_[of].serves;
    if (served != serves) nodes_[who].served_by += serves ? 1U : ~0U;
    count(who, of, seen, 1U);
  }

  [[nodiscard]] bool together(std::size_t a, std::size_t b) const {
    return nodes_[a].reachable && nodes_[b].reachable && nodes_[a].part == nodes_[b].part;
  }

  void deliver(const Event& event) {
    if (!together(event.node, event.of)) {
      // It comes once they hear each other again, by the exchange of databases, or never.
      if (nodes_[event.node].reachable && nodes_[event.of].reachable) {
        auto again = event;
        again.at = now_ + 1s + random_.between(0ms, 200ms);
        add(again);
      }
      return;
    }
    auto& number = view(event.node, event.of).number[event.token ? 1 : 0];
    if (event.number <= number) return;
    number = event.number;
    see(event.node, event.of, [&](View& seen) { (event.token ? seen.token : seen.service) = event.value; });
    if (!event.token) look_for_a_gap();
  }

  void reach_all() {
    for (std::size_t a = 0; a < count_; ++a) {
      for (std::size_t b = 0; b < count_; ++b) {
        if (a == b) continue;
        const bool is = together(a, b);
        auto& seen = view(a, b);
        if (!is) seen.apart = TimePoint::max();
        if (is && seen.apart == TimePoint::max()) seen.apart = now_;
        add({now_ + random_.between(0ms, kDetection), What::reach, a, b, false, is});
      }
    }
  }

  void look(std::size_t i) {
    auto& node = nodes_[i];
    if (!node.alive) return;
    if (!node.queue.queues() && !node.wants) return;
    look_at(i);
    add({now_ + random_.between(300ms, kLongestLook), What::look, i});
  }

  void look_at(std::size_t i) {
    auto& node = nodes_[i];
    const auto asked = now_ - random_.between(0ms, 100ms);
    const Sighting token{asked, node.token, node.token, flaw_ == Flaw::pushy ? 0U : node.tokens,
                         flaw_ == Flaw::lastborn ? 0U : node.before};
    const auto others = flaw_ == Flaw::careless ? 1U : node.services;
    const std::optional<Sighting> service[] = {Sighting{asked, node.serves, true, others, 0}};
    const auto flooding = flaw_ == Flaw::hasty ? kFlooding / 4 : kFlooding;
    const auto step = node.queue.look(now_, flooding, token, service);
    if (step == DrainQueue::Step::drain) drain(i);
    if (step == DrainQueue::Step::refuse_last) {
      ++refused;
      node.wants = false;
      if (!kind_.parts && !kind_.deaths && !kind_.drops && node.services > 0) complain(i, "refused in vain");
    }
    set_token(i);
  }

  void drain(std::size_t i) {
    auto& node = nodes_[i];
    ++drains;
    longest_wait = std::max(longest_wait, now_ - node.wanted);
    judge(i);
    node.wants = false;
    node.done = true;
    set_service(i, false);
    add({now_ + node.restart, What::resume, i});
  }

  // Whoever is far from here or dead since just now cannot be known to be so.
  void judge(std::size_t i) {
    constexpr auto kUnknown = kFlooding + kDetection + kLongestLook;
    bool somebody = false;
    for (std::size_t other = 0; other < count_; ++other) {
      if (other == i) continue;
      const auto& node = nodes_[other];
      const auto& seen = view(i, other);
      const bool near = seen.apart == TimePoint::max() ? seen.reaches : true;
      somebody = somebody || (near && (node.serves || now_ - node.died < kUnknown + 4s));
      if (!node.alive || node.queue.state() != DrainQueue::State::holding) continue;
      several = true;
      if (kind_.drops) continue;
      const auto met = seen.apart;
      const bool heard_all =
          met != TimePoint::max() && met + kUnknown < std::min(nodes_[i].claimed, node.claimed);
      if (heard_all) complain(i, "drains beside node " + std::to_string(other));
    }
    if (!somebody && !kind_.drops) complain(i, "drains as the last");
  }

  void handle(const Event& event) {
    auto& node = nodes_[event.node];
    switch (event.what) {
      case What::look:
        return look(event.node);
      case What::join:
        if (!node.alive || node.done) return;
        if (node.wanted == TimePoint()) {
          node.wanted = now_;
          node.wants = true;
          add({now_ + random_.between(0ms, 100ms), What::look, event.node});
        }
        if (!node.wants) return;
        node.queue.join(now_);
        return add({now_ + 500ms, What::join, event.node});
      case What::give_up:
        if (!node.wants) return;
        node.wants = false;
        // Some are killed, and say nothing.
        if (random_.one_in(2)) node.queue.leave();
        return set_token(event.node);
      case What::resume:
        if (!node.alive) return;
        node.queue.resume();
        set_service(event.node, true);
        return add({now_ + random_.between(100ms, 1500ms), What::confirmed, event.node});
      case What::confirmed:
        if (!node.alive) return;
        node.queue.returned();
        return set_token(event.node);
      case What::deliver:
        return deliver(event);
      case What::reach:
        return see(event.node, event.of, [&](View& seen) { seen.reaches = together(event.node, event.of); });
      case What::part:
        for (auto& each : nodes_) each.part = random_.below(2 + random_.below(2));
        return reach_all();
      case What::heal:
        for (auto& each : nodes_) each.part = 0;
        return reach_all();
      case What::die:
        node.alive = false;
        node.died = now_;
        if (random_.one_in(2)) {  // the host
          node.reachable = false;
          for (std::size_t other = 0; other < count_; ++other) {
            if (other != event.node && view(other, event.node).service && node.serves)
              --nodes_[other].served_by;
          }
          node.serves = false;
          return reach_all();
        }
        return add({now_ + 3500ms, What::fall, event.node});  // what it announces, by its lease
      case What::fall:
        set_token(event.node);
        return set_service(event.node, false);
    }
  }

  const Kind& kind_;
  const Flaw flaw_;
  Random random_;
  std::size_t count_ = 0;
  TimePoint now_ = kBegin;
  std::vector<Node> nodes_;
  std::vector<View> views_;
  std::priority_queue<Event> events_;
  std::string wrong_;
};

std::optional<Flaw> flaw_of(std::string_view word) {
  if (word == "hasty") return Flaw::hasty;
  if (word == "lastborn") return Flaw::lastborn;
  if (word == "pushy") return Flaw::pushy;
  if (word == "careless") return Flaw::careless;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t schedules = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : std::random_device{}();
  const auto flaw = argc > 3 ? flaw_of(argv[3]) : Flaw::none;
  if (schedules == 0 || argc > 4 || !flaw) {
    std::fprintf(stderr, "usage: drain_simulation [SCHEDULES [SEED [hasty|lastborn|pushy|careless]]]\n");
    return 64;
  }
  std::vector<Totals> totals(std::size(kKinds));
  std::size_t most = 0;
  for (std::size_t i = 0; i < schedules; ++i) {
    const auto which = i % std::size(kKinds);
    World world(kKinds[which], seed + i, *flaw);
    const auto& wrong = world.run();
    if (!wrong.empty()) {
      std::printf("seed %llu (%s): %s\n", static_cast<unsigned long long>(seed + i), kKinds[which].name,
                  wrong.c_str());
      return 1;
    }
    auto& total = totals[which];
    ++total.schedules;
    total.drains += world.drains;
    total.refused += world.refused;
    total.several += world.several ? 1 : 0;
    total.longest_wait = std::max(total.longest_wait, world.longest_wait);
    most = std::max(most, world.count());
  }
  std::printf("%zu schedules from seed %llu, 2 to %zu nodes, each change known to all within %.0f s\n",
              schedules, static_cast<unsigned long long>(seed), most,
              std::chrono::duration<double>(kFlooding).count());
  std::printf("%-24s %10s %8s %8s %14s %13s\n", "", "schedules", "drains", "refused", "two at a time",
              "longest wait");
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const auto& total = totals[i];
    std::printf("%-24s %10zu %8zu %8zu %14zu %11.0f s\n", kKinds[i].name, total.schedules, total.drains,
                total.refused, total.several, std::chrono::duration<double>(total.longest_wait).count());
  }
  return 0;
}
