#include "keeper.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "core/exit_codes.hpp"
#include "core/log.hpp"

namespace anyprobe {
namespace {

// Longer than the prober waits for its own withdrawal.
constexpr Duration kTermPatience = std::chrono::seconds(8);
constexpr Duration kHandOverPatience = std::chrono::seconds(2);
// Of a prober that announces nothing.
constexpr Duration kUsualLease = std::chrono::seconds(3);
// A prober that is stopped reads nothing.
constexpr Duration kTellAgain = std::chrono::seconds(1);

}  // namespace

Keeper::Keeper(EventLoop& loop, Reconciler& reconciler, bool adopt, Hooks hooks)
    : loop_(loop),
      reconciler_(reconciler),
      adopt_(adopt),
      hooks_(std::move(hooks)),
      memory_(hooks_.recall, hooks_.remember),
      child_(loop, SIGCHLD, [this] { reap(); }),
      term_(loop, SIGTERM, [this] { terminate(); }),
      hup_(loop, SIGHUP, [this] { reload(); }),
      usr2_(loop, SIGUSR2, [this] { hand_over(); }),
      reload_soon_(loop, [this] { reload(); }),
      apply_(
          loop, [this] { apply(); }, Deferred::Turn::last),
      lease_end_(loop, [this] { apply(); }),
      tell_(
          loop, [this] { tell_applied(); }, Deferred::Turn::last),
      tell_again_(loop, [this] { tell_applied(); }) {
  make_seat(ProberPart::built_in);
}

Keeper::~Keeper() = default;

void Keeper::make_seat(ProberPart part) {
  seats_.push_back(std::make_unique<ProberSeat>(
      loop_, part,
      ProberSeat::Hooks{.spawn =
                            [this, part](int socket) {
                              const auto& configuration = current_.generation == 0 ? offered_ : current_;
                              return hooks_.spawn(socket, configuration.view, part);
                            },
                        .spawn_runner = hooks_.spawn_runner,
                        .started = [this](ProberSeat& seat) { started(seat); },
                        .heard = [this](ProberSeat& seat, const Message& message) { take(seat, message); },
                        .gone = [this](ProberSeat& seat, int status) { prober_gone(seat, status); },
                        .not_started = [this](ProberSeat& seat) { not_started(seat); }}));
}

ProberSeat* Keeper::seat_of(ProberPart part) {
  const auto it =
      std::find_if(seats_.begin(), seats_.end(), [&](const auto& seat) { return seat->part == part; });
  return it == seats_.end() ? nullptr : it->get();
}

int Keeper::run() {
  // The prober answers for the terminal's keys; TSTP is for it alone.
  std::signal(SIGTSTP, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  if (hooks_.recall_drained) drained_ = hooks_.recall_drained();
  std::vector<std::string> wrong;
  if (!load(offered_, wrong)) {
    for (const auto& line : wrong) hooks_.fail(line);
    return kConfiguration;
  }
  const auto unprepared = hooks_.prepare ? hooks_.prepare(offered_.view) : std::string();
  if (!unprepared.empty()) {
    hooks_.fail(unprepared);
    return kSystem;
  }
  begin_offer();
  loop_.run();
  return code_;
}

void Keeper::started(ProberSeat& seat) {
  seat.forget();
  seat.runner.join();
  if (!offer(seat, judges(seat) ? offered_ : current_)) seat.prober.signal(SIGKILL);
}

void Keeper::not_started(ProberSeat& seat) {
  if (current_.generation == 0) return leave(kSystem);
  drop_offer("no prober could be started");
  if (is_needed(seat)) seat.prober.start_later();
}

void Keeper::take(ProberSeat& seat, const Message& message) {
  if (left_) return;  // it has been killed, and says its last words
  if (seat.ending) {
    // What it held is another's, or gone; it waits to hear so.
    if (message.type == MessageType::want && reconciler_.settled())
      seat.prober.send({MessageType::applied, message.generation, message.serial, view()});
    return;
  }
  switch (message.type) {
    case MessageType::accept:
      return accept(seat, message);
    case MessageType::refuse:
      return refuse(seat, message);
    case MessageType::want:
      return want(seat, message);
    case MessageType::reload:
      return reload_soon_.schedule();
    case MessageType::suspended:
      return suspended(seat, true);
    case MessageType::resumed:
      return suspended(seat, false);
    case MessageType::drained:
      return drained(seat, message);
    case MessageType::hand_over:
      return hand_over();
    case MessageType::ask:
      return ask(seat, message);
    case MessageType::configuration:
    case MessageType::applied:
    case MessageType::runner:
    case MessageType::control:
    case MessageType::answer:
    case MessageType::socket:
    case MessageType::beside:
      break;
  }
  log(LogLevel::error, "the prober sends what only the keeper may");
}

bool Keeper::is_needed(const ProberSeat& seat) const {
  return seat.part == ProberPart::built_in || current_.view.has_modules;
}

void Keeper::dismiss(ProberSeat& seat, int signal) {
  seat.ending = seat.prober.running();
  seat.end(signal, kTermPatience);
}

void Keeper::want(ProberSeat& seat, const Message& message) {
  const auto& taken = taken_by(seat);
  if (message.generation == 0 || message.generation != taken.generation ||
      seat.generation != taken.generation)
    return;
  auto wanted = unpack_want(message.body, taken.view.advertisements.size());
  if (!wanted) {
    log(LogLevel::error, "the prober wants " + wanted.error());
    return;
  }
  seat.serial = message.serial;
  seat.want = std::move(wanted).value();
  seat.owes_view();
  if (&taken == &offered_) return;  // it counts from when that is in force
  book_.take(seat.want.wishes, mine(seat), seat.want.said, Clock::now(), reconciler_.spacing());
  apply_.schedule();
}

// It names one of the questions that there are, and a prefix by its place among those that we read.
void Keeper::ask(ProberSeat& seat, const Message& message) {
  const auto inquiry = unpack_inquiry(message.body);
  if (!inquiry) return log(LogLevel::error, "the prober asks " + inquiry.error());
  const auto& taken = taken_by(seat);
  const auto& all = taken.view.advertisements;
  const bool of_prefix = inquiry->question == FrrQuestion::ospf_prefix;
  const bool known = message.generation == taken.generation &&
                     (!of_prefix || (inquiry->advertisement < all.size() &&
                                     all[inquiry->advertisement].prefix.address.family() == Family::ipv4));
  if (known)
    return seat.vty.ask(message.serial, taken.view.vty_dir, *inquiry,
                        of_prefix ? all[inquiry->advertisement].prefix : Prefix{});
  const FrrAnswer stale{FrrAnswer::End::stale, {}};
  seat.prober.send({MessageType::answer, message.generation, message.serial, pack_answer(stale)});
}

std::vector<bool> Keeper::mine(const ProberSeat& seat) const {
  std::vector<bool> out;
  for (const auto part : current_.view.parts) out.push_back(part == seat.part);
  return out;
}

void Keeper::suspended(ProberSeat& seat, bool is) {
  seat.suspended = is;
  watch(seat);
  if (hooks_.changed) hooks_.changed();
  if (seat.part != ProberPart::built_in) return;
  // Whoever sent the signal may know of this prober alone.
  if (auto* other = seat_of(ProberPart::modules)) {
    other->suspended = is;  // also the next one, where there is none now
    watch(*other);
    other->prober.signal(is ? SIGTSTP : SIGCONT);
  }
}

// The prober names nothing: it says of which of the services that we read it is so.
void Keeper::drained(const ProberSeat& seat, const Message& message) {
  const auto& taken = taken_by(seat);
  const auto flags = unpack_drained(message.body, taken.view.services.size());
  if (message.generation == 0 || message.generation != taken.generation || !flags) return;
  for (std::size_t i = 0; i < flags->size(); ++i) {
    const auto& service = taken.view.services[i];
    if (service.part != seat.part) continue;
    if ((*flags)[i])
      drained_.insert(service.name);
    else
      drained_.erase(service.name);
  }
  if (hooks_.remember_drained) hooks_.remember_drained(drained_);
  if (hooks_.changed) hooks_.changed();
}

std::vector<bool> Keeper::drained_of(const View& view) const {
  std::vector<bool> out;
  for (const auto& service : view.services) out.push_back(drained_.contains(service.name));
  return out;
}

// A prober says what it wants at least each third of the shortest lease of its own, as it knows them.
void Keeper::watch(ProberSeat& seat) {
  const auto& view = taken_by(seat).view;
  auto lease = Duration::max();
  for (std::size_t i = 0; i < view.parts.size(); ++i) {
    if (view.parts[i] == seat.part) lease = std::min<Duration>(lease, view.leases[i]);
  }
  if (!leaving_) seat.watch(lease == Duration::max() ? kUsualLease : lease);
}

bool Keeper::apply() {
  apply_.cancel();
  const auto now = Clock::now();
  const bool settled = reconciler_.want(book_.standing(now));
  const auto end = book_.next_end(now);
  if (end == TimePoint::max())
    lease_end_.stop();
  else
    lease_end_.start_at(end);
  tell_applied();
  return settled;
}

void Keeper::tell_applied() {
  if (half_way_ || left_) return;
  if (hooks_.changed) hooks_.changed();
  const bool settled = reconciler_.settled();
  const auto now = view();
  for (const auto& seat : seats_) {
    if (seat->generation == 0 || seat->generation != current_.generation) continue;
    if (!seat->tell(settled, now)) tell_again_.start(kTellAgain);
  }
  if (current_.generation != 0 && reconciler_.rid_of_gone()) memory_.keep(current_.view.advertisements);
}

std::string Keeper::view() const {
  KernelView out{reconciler_.states(), reconciler_.problems(), reconciler_.waits(),
                 reconciler_.counts(), reloads_asked_,         reloads_done_};
  if (hooks_.problems) {
    for (auto& line : hooks_.problems()) out.problems.push_back(std::move(line));
  }
  if (!refusal_.empty()) out.problems.push_back(kReloadRefused + refusal_);
  return pack_view(out);
}

void Keeper::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    const auto is_its = [&](const auto& seat) {
      return seat->prober.reap(pid, status) || seat->runner.reap(pid, status);
    };
    static_cast<void>(std::any_of(seats_.begin(), seats_.end(), is_its));
  }
}

void Keeper::prober_gone(ProberSeat& seat, int status) {
  const bool was_at_work = std::exchange(seat.generation, 0) != 0;
  const bool was_ending = std::exchange(seat.ending, false);
  const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  // What it was to judge is for another, which has just started.
  const bool anew = !was_ending && was_at_work && current_.generation != 0 && judges(seat) &&
                    WIFEXITED(status) && WEXITSTATUS(status) == kNotNow;
  if (leaving_) {
    if (nobody_runs()) leave(code_);
    return;
  }
  if (was_ending) {
    if (judges(seat)) return seat.prober.start();
  } else if (!anew) {
    if (well && was_at_work) return terminate();
    if (current_.generation == 0) {
      hooks_.fail("the prober does not start: " + how_it_ended(status));
      return leave(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kInternal);
    }
    log(LogLevel::error, "the prober is gone (" + how_it_ended(status) +
                             "): what it announced has the rest of its lease, another is started");
    drop_offer("a prober was gone before it could judge it");
  }
  if (!is_needed(seat)) return;
  book_.let_run(mine(seat));
  apply();
  anew ? seat.prober.start() : seat.prober.start_again();
}

bool Keeper::nobody_runs() const {
  return std::none_of(seats_.begin(), seats_.end(), [](const auto& seat) { return seat->prober.running(); });
}

void Keeper::terminate() {
  if (left_) {
    for (const auto& seat : seats_) seat->runner.hurry();
    return;
  }
  if (leaving_ && !handing_over_) return;
  leaving_ = true;
  handing_over_ = false;
  if (nobody_runs()) return leave(code_);
  Duration linger{};
  for (const auto each : current_.view.lingers) linger = std::max(linger, each);
  const auto patience = kTermPatience + current_.view.lsa_spacing + linger;
  for (const auto& seat : seats_) {
    seat->end(SIGTERM, patience);
    seat->prober.signal(SIGCONT);  // one that is suspended would not hear it
  }
}

void Keeper::hand_over() {
  if (leaving_ || current_.generation == 0) return;
  leaving_ = handing_over_ = true;
  log(LogLevel::info, "SIGUSR2: handing over to the next run, nothing is withdrawn");
  if (nobody_runs()) return leave(code_);
  for (const auto& seat : seats_) {
    // One that is suspended announces nothing, and would begin to ask if it were told to go on.
    seat->end(seat->suspended ? SIGKILL : SIGUSR2, kHandOverPatience);
  }
}

void Keeper::withdraw_leftovers() {
  book_.withdraw_all();
  reconciler_.end_lingering();
  bool done = apply();
  for (int tries = 0; !done && tries < 20; ++tries) {
    poll(nullptr, 0, 100);
    done = reconciler_.compare();
  }
  if (done) {
    memory_.keep({});
    return;
  }
  log(LogLevel::error, "not everything could be withdrawn");
  code_ = kSystem;
}

void Keeper::leave(int code) {
  if (std::exchange(left_, true)) return;
  if (handing_over_) apply();  // of what was said last
  leaving_ = true;
  code_ = code;
  if (hooks_.leaving) hooks_.leaving();
  lease_end_.stop();
  for (const auto& seat : seats_) {
    seat->prober.stop_starting();
    seat->prober.signal(SIGKILL);
  }
  if (current_.generation != 0 && code == 0 && !handing_over_) withdraw_leftovers();
  auto left = std::make_shared<std::size_t>(seats_.size());
  for (const auto& seat : seats_) {
    seat->runner.finish([this, left] {
      if (--*left == 0) loop_.stop();
    });
  }
}

}  // namespace anyprobe
