// A whole keeper, and probers that were taken over: what they send, when they die, and when it is reloaded,
// is cut from the input. Whatever that is,
//  - nothing is put into the table that is not configured, or that no prober which has a say in it announced
//    within its lease, and nothing stands for longer; nothing is answered for, for longer than it may linger;
//  - the keeper goes on, and with probers that do as they should all is announced again;
//  - at the end, nothing is left.
// Processes and the monotonic clock are played, so that neither costs any time.
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "played_world.hpp"
#include "routing/keeper.hpp"
#include "tests/fake_table.hpp"

namespace {

using namespace anyprobe;
using std::chrono::milliseconds;
using std::chrono::seconds;

#define MUST(condition)                                            \
  do {                                                             \
    if (!(condition)) {                                            \
      std::fprintf(stderr, "line %d: " #condition "\n", __LINE__); \
      std::abort();                                                \
    }                                                              \
  } while (false)

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t octet() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string octets(std::size_t count) {
    count = std::min(count, size_);
    std::string out(reinterpret_cast<const char*>(data_), count);
    data_ += count;
    size_ -= count;
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

// All that is ever announced, each with its lease.
const std::vector<std::pair<Advertisement, seconds>>& all() {
  static const auto made = [] {
    Advertisement four{prefix("192.0.2.153/32"), "eth0", Advertisement::Kind::route};
    Advertisement six{prefix("2001:db8::/64"), "eth0", Advertisement::Kind::route};
    six.metric = default_metric(Family::ipv6);
    return std::vector<std::pair<Advertisement, seconds>>{{on_lo("192.0.2.1/32"), seconds(3)},
                                                          {on_lo("192.0.2.2/32"), seconds(2)},
                                                          {on_lo("2001:db8::1/128"), seconds(5)},
                                                          {four, seconds(3)},
                                                          {six, seconds(2)},
                                                          {Advertisement::link("dummy0"), seconds(4)}};
  }();
  return made;
}

std::size_t number_of(const Advertisement& what) {
  std::size_t i = 0;
  while (i < all().size() && all()[i].first != what) ++i;
  const bool is_configured = i < all().size();
  MUST(is_configured);
  return i;
}

// What is announced by the program's own probes and by those of modules; one without a good configuration.
struct Variant {
  std::vector<std::size_t> built_in;
  std::vector<std::size_t> modules;
  bool good = true;
};
const std::array<Variant, 6> kVariants{
    {{{0, 1, 3}, {}}, {{0, 3}, {1, 2, 4}}, {{4, 5}, {}}, {{}, {}, false}, {{}, {1, 5}}, {{2, 0, 5}, {3}}}};

constexpr Duration kLinger = milliseconds(1500);

Keeper::View view_of(const Variant& variant) {
  Keeper::View out;
  for (const auto part : {ProberPart::modules, ProberPart::built_in}) {
    for (const auto i : part == ProberPart::modules ? variant.modules : variant.built_in) {
      out.advertisements.push_back(all()[i].first);
      out.leases.push_back(all()[i].second);
      out.lingers.push_back(kLinger);
      out.parts.push_back(part);
    }
  }
  out.has_modules = !variant.modules.empty();
  return out;
}

class CheckedTable final : public FakeTable {
 public:
  std::function<void(const Change&)> check;
  std::vector<ChangeResult> apply(std::span<const Change> changes) override {
    for (const auto& change : changes) check(change);
    return FakeTable::apply(changes);
  }
};

struct Seat {
  int end = -1;
  pid_t pid = -1;
  std::uint32_t offered = 0;   // the generation it was asked to take last
  std::uint32_t accepted = 0;  // of the honest one
  bool answered = true;
};

class Session {
 public:
  Session(const std::uint8_t* data, std::size_t size) : input_(data, size) {
    const auto flags = input_.octet();
    variant_ = (flags & 1U) != 0 ? 1 : 0;
    if ((flags & 2U) != 0) leave_something();
    kills_at_the_end_ = (flags & 4U) != 0;
    world_.stubborn = (flags & 8U) != 0;
    table_.check = [this](const Change& change) { check(change); };
    table_.there.links = {{1, "lo", true, true}, {2, "eth0", true}, {3, "dummy0", false}};
    notes_.on_settled = [this] { keeper_.tell_applied(); };
    world_.use(loop_.raw());
    ev_idle_init(&never_sleeps_, [](struct ev_loop*, ev_idle*, int) {});
    ev_idle_start(loop_.raw(), &never_sleeps_);
  }
  ~Session() {
    ev_idle_stop(loop_.raw(), &never_sleeps_);
    for (const auto& seat : seats_) {
      if (seat.end >= 0) close(seat.end);
    }
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run() {
    Timer tick(loop_, [&] {
      // What was sent at the last tick but one has been read.
      if (++ticks_ % 2 == 0) step();
      tick.start({});
    });
    tick.start({});
    const int code = keeper_.run();
    MUST(phase_ == Phase::leaving && code == 0);
    check_nothing_stands();
  }

 private:
  enum class Phase { starting, hostile, honest, leaving };

  Keeper::Hooks hooks() {
    Keeper::Hooks out;
    out.read = []() -> Outcome<std::vector<SourceFile>> { return std::vector<SourceFile>{{"a", "{}"}}; };
    out.understand = [this](const auto&) -> Outcome<Keeper::View> {
      generations_.push_back(variant_);
      if (!kVariants[variant_].good) return Error{"not good"};
      return view_of(kVariants[variant_]);
    };
    out.spawn = [this](int socket, const Keeper::View&, ProberPart part) { return spawn(socket, part); };
    out.spawn_runner = [](int) { return -1; };
    out.accepted = [this](const Keeper::View& view) { put_in_force(view); };
    out.running = [](pid_t) {};
    out.fail = [](const std::string&) {};
    out.recall = [this] { return remembered_; };
    out.remember = [this](const auto& what) { remembered_ = what; };
    return out;
  }

  void leave_something() {
    for (const std::size_t i : {0U, 2U}) {
      remembered_.push_back(all()[i].first);
      table_.there.addresses.push_back({all()[i].first.prefix, 1, "lo", true, Fitness::exact, "", {}, true});
    }
  }

  pid_t spawn(int socket, ProberPart part) {
    auto& seat = seats_[static_cast<std::size_t>(part)];
    if (seat.end >= 0) close(seat.end);
    MUST(!world_.alive(seat.pid));
    seat = {dup(socket), world_.start()};
    return seat.pid;
  }

  void put_in_force(const Keeper::View& view) {
    std::map<std::size_t, ProberPart> next;
    for (std::size_t i = 0; i < view.advertisements.size(); ++i)
      next.emplace(number_of(view.advertisements[i]), view.parts[i]);
    for (const auto& [i, part] : next) {
      if (!in_force_.contains(i) && stands(i)) may_stand_until_[i] = Clock::now() + all()[i].second;
    }
    in_force_ = std::move(next);
  }

  // -- what is checked

  [[nodiscard]] bool stands(std::size_t i) const {
    const auto& what = all()[i].first;
    const auto& there = table_.there;
    if (what.kind == Advertisement::Kind::link) return there.links[2].up;
    if (what.kind == Advertisement::Kind::address) {
      return std::any_of(there.addresses.begin(), there.addresses.end(),
                         [&](const auto& a) { return a.prefix == what.prefix; });
    }
    return std::any_of(there.routes.begin(), there.routes.end(),
                       [&](const auto& r) { return r.prefix == what.prefix; });
  }

  // Until when it may be announced, by what was said of it.
  [[nodiscard]] TimePoint lease_end(std::size_t i) const {
    auto said = said_[i];
    if (pending_.contains(i)) said = std::max(said, std::min(pending_.at(i), Clock::now()));
    return said + all()[i].second;
  }

  void check(const Change& change) {
    std::size_t i = all().size();
    Lifetime lifetime;
    if (const auto* address = std::get_if<AddAddress>(&change)) {
      i = number_of({address->prefix, address->interface});
      lifetime = address->lifetime;
      MUST(lifetime);
    } else if (const auto* route = std::get_if<AddRoute>(&change)) {
      Advertisement what{route->prefix, route->device, Advertisement::Kind::route};
      what.metric = route->metric;
      i = number_of(what);
      lifetime = route->lifetime;
      MUST(lifetime.has_value() == kernel_ends(what));
    } else if (const auto* link = std::get_if<SetLink>(&change); link != nullptr && link->up) {
      i = number_of(Advertisement::link(link->name));
    } else if (const auto* lingering = std::get_if<AddLingering>(&change)) {
      lingers_since_[lingering->address] = Clock::now();
    }
    if (i == all().size()) return;
    MUST(in_force_.contains(i));
    MUST(lease_end(i) > Clock::now());
    if (lifetime) MUST(*lifetime <= lease_end(i) - Clock::now() + seconds(1) && *lifetime >= seconds(1));
  }

  void check_what_stands() {
    for (const auto& route : table_.there.routes) {
      if (route.lingering) MUST(lingers_since_.at(route.prefix.address) + kLinger > Clock::now());
    }
    for (std::size_t i = 0; i < all().size(); ++i) {
      if (!stands(i)) continue;
      MUST(in_force_.empty() ? phase_ == Phase::starting : in_force_.contains(i));
      if (!in_force_.empty()) MUST(std::max(lease_end(i), may_stand_until_[i]) > Clock::now());
    }
  }

  void check_nothing_stands() const {
    for (std::size_t i = 0; i < all().size(); ++i) MUST(!stands(i));
    MUST(table_.there.routes.empty());
    MUST(remembered_.empty());
  }

  // -- what is played

  void pass(milliseconds time) { world_.pass(std::chrono::nanoseconds(time).count()); }

  void step() {
    for (const auto& [i, when] : std::exchange(pending_, {}))
      said_[i] = std::max(said_[i], std::min(when, Clock::now()));
    hear();
    if (phase_ != Phase::leaving) check_what_stands();
    if (phase_ == Phase::starting && !in_force_.empty()) phase_ = Phase::hostile;
    if (phase_ == Phase::hostile && (input_.empty() || ++steps_ > 100)) be_honest();
    if (phase_ == Phase::hostile) return act();
    if (phase_ == Phase::starting) return behave();
    if (phase_ == Phase::honest) return recover();
    pass(milliseconds(100));
    MUST(++steps_ < 1000);
  }

  void hear() {
    static std::array<char, kLargestMessage> packet;
    for (auto& seat : seats_) {
      for (ssize_t got = 0;
           seat.end >= 0 && (got = recv(seat.end, packet.data(), packet.size(), MSG_DONTWAIT)) > 0;) {
        const auto message = decode(std::string(packet.data(), static_cast<std::size_t>(got)));
        MUST(message);
        if (message->type != MessageType::configuration) continue;
        seat.offered = message->generation;
        seat.answered = false;
      }
    }
  }

  Seat& seat() { return seats_[input_.octet() & 1U]; }
  static ProberPart part_of(const Seat& seat, const std::array<Seat, 2>& seats) {
    return &seat == &seats[static_cast<std::size_t>(ProberPart::modules)] ? ProberPart::modules
                                                                          : ProberPart::built_in;
  }

  [[nodiscard]] const Variant& variant_of(std::uint32_t generation) const {
    static const Variant kNone{{}, {}, false};
    return generation == 0 || generation > generations_.size() ? kNone
                                                               : kVariants[generations_[generation - 1]];
  }

  void act() {
    switch (input_.octet() % 8) {
      case 0:
      case 1: {
        auto& to = seat();
        return send(to, input_.octets(input_.octet()));
      }
      case 2:
      case 3:
        return send_message();
      case 4:
        pass(milliseconds(20) * int{input_.octet()});
        return;
      case 5: {
        const auto& who = seat();
        return world_.die(who.pid, (input_.octet() & 1U) != 0 ? SIGKILL : 1 << 8U);
      }
      case 6:
        variant_ = input_.octet() % kVariants.size();
        return ev_feed_signal_event(loop_.raw(), SIGHUP);
      default:  // somebody else removes what is there
        table_.there.addresses.clear();
        table_.there.routes.clear();
        return monitor_.emit({});
    }
  }

  void send_message() {
    auto& to = seat();
    Message message;
    message.type = static_cast<MessageType>(input_.octet() % 12 + 1);
    const auto which = input_.octet();
    message.generation = (which & 3U) == 0   ? static_cast<std::uint32_t>(generations_.size())
                         : (which & 3U) == 1 ? to.offered
                                             : which >> 2U;
    message.serial = input_.octet();
    Want want;
    want.said = Clock::now() + milliseconds(50) * (int{input_.octet()} - 200);
    const auto count = view_of(variant_of(message.generation)).advertisements.size();
    const auto wishes = input_.octet();
    for (std::size_t i = 0; i < count; ++i)
      want.wishes.push_back((wishes >> i & 1U) != 0 ? Wish::announce
                            : (wishes & 128U) != 0  ? Wish::hold
                            : (wishes & 64U) != 0   ? Wish::linger
                                                    : Wish::withdraw);
    message.body = message.type == MessageType::refuse ? pack_refusal({}) : pack_want(want);
    send(to, encode(message));
  }

  void send(Seat& to, const std::string& packet) {
    const auto message = decode(packet);
    // A prober may leave, and take the whole with it: that is no fault.
    if (message && message->type == MessageType::hand_over) return;
    if (to.end < 0 || ::send(to.end, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
    if (!message || (message->type != MessageType::accept && message->type != MessageType::want)) return;
    const auto view = view_of(variant_of(message->generation));
    const auto want = unpack_want(message->body, view.advertisements.size());
    if (!want) return;
    for (std::size_t i = 0; i < view.advertisements.size(); ++i) {
      if (want->wishes[i] != Wish::announce || view.parts[i] != part_of(to, seats_)) continue;
      auto& pending = pending_[number_of(view.advertisements[i])];
      pending = std::max(pending, want->said);
    }
  }

  // -- what a prober does that was not taken over

  void behave() {
    for (auto& seat : seats_) {
      if (!world_.alive(seat.pid)) continue;
      const bool good = variant_of(seat.offered).good;
      if (!std::exchange(seat.answered, true)) {
        if (good) seat.accepted = seat.offered;
        say(seat, good ? MessageType::accept : MessageType::refuse, seat.offered, Wish::hold);
      } else if (phase_ == Phase::honest && seat.accepted != 0) {
        say(seat, MessageType::want, seat.accepted, Wish::announce);
      }
    }
  }

  void say(Seat& seat, MessageType type, std::uint32_t generation, Wish wish) {
    const auto count = view_of(variant_of(generation)).advertisements.size();
    send(seat,
         encode({type, generation, ++serial_,
                 type == MessageType::refuse ? pack_refusal({})
                                             : pack_want({Clock::now(), std::vector<Wish>(count, wish)})}));
  }

  void be_honest() {
    phase_ = Phase::honest;
    steps_ = 0;
    for (auto& seat : seats_) {
      if (seat.end < 0) continue;
      if (kills_at_the_end_) world_.die(seat.pid, SIGKILL);
      seat.answered = false;  // as far as it knows itself
      send(seat, encode({MessageType::resumed, 0, 0, {}}));
    }
  }

  void recover() {
    bool whole = steps_ > 2;
    for (const auto& [i, part] : in_force_) {
      whole = whole && stands(i) && world_.alive(seats_[static_cast<std::size_t>(part)].pid);
    }
    whole = whole && world_.alive(seats_[static_cast<std::size_t>(ProberPart::built_in)].pid);
    MUST(++steps_ < 300);
    if (whole) {
      phase_ = Phase::leaving;
      return ev_feed_signal_event(loop_.raw(), SIGTERM);
    }
    pass(milliseconds(500));
    behave();
  }

  PlayedWorld world_;
  Input input_;
  std::size_t variant_ = 0;
  std::vector<std::size_t> generations_;  // the variant of each
  bool kills_at_the_end_ = false;
  Phase phase_ = Phase::starting;
  int ticks_ = 0;
  int steps_ = 0;
  std::uint32_t serial_ = 1000;
  std::array<Seat, 2> seats_;
  std::vector<Advertisement> remembered_;
  std::map<std::size_t, ProberPart> in_force_;
  std::map<IpAddress, TimePoint> lingers_since_;
  std::array<TimePoint, 6> said_{};
  std::array<TimePoint, 6> may_stand_until_{};
  std::map<std::size_t, TimePoint> pending_;

  EventLoop loop_;
  ev_idle never_sleeps_;
  CheckedTable table_;
  FakeMonitor monitor_;
  Notes notes_;
  Reconciler reconciler_{loop_, table_, monitor_, notes_, false};
  Keeper keeper_{loop_, reconciler_, false, hooks()};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Session(data, size).run();
  return 0;
}
