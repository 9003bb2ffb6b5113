// The configurations: read, judged by the probers in turn, in force or dropped.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/descriptor.hpp"
#include "core/exit_codes.hpp"
#include "core/log.hpp"
#include "keeper.hpp"

namespace anyprobe {

bool Keeper::load(Configuration& into, std::vector<std::string>& wrong) {
  into.generation = ++generations_;
  auto files = hooks_.read();
  if (!files) {
    wrong = {files.error()};
    return false;
  }
  into.files = std::move(files).value();
  // What the keeper does not understand the prober refuses, and it tells all that is wrong.
  auto view = hooks_.understand(into.files);
  into.view = view ? std::move(view).value() : View{};
  wrong = hooks_.object ? hooks_.object(into.view) : std::vector<std::string>();
  return wrong.empty();
}

// The prober that has the modules judges first, since it alone can judge all.
void Keeper::begin_offer() {
  to_judge_.clear();
  if (offered_.view.has_modules && seat_of(ProberPart::modules) == nullptr) {
    make_seat(ProberPart::modules);
    seats_.back()->suspended = seats_.front()->suspended;
  }
  if (offered_.view.has_modules) to_judge_.push_back(seat_of(ProberPart::modules));
  to_judge_.push_back(seat_of(ProberPart::built_in));
  offer_next();
}

void Keeper::offer_next() {
  auto& seat = *to_judge_.front();
  if (seat.ending) return;                                 // prober_gone() starts the next one
  if (!seat.prober.running()) return seat.prober.start();  // started() offers
  if (!offer(seat, offered_)) drop_offer("it could not be handed over");
}

bool Keeper::offer(ProberSeat& seat, Configuration& configuration) {
  const auto& view = configuration.view;
  configuration.found = reconciler_.find(view.advertisements);
  return seat.offer(configuration.generation, configuration.files, view.commands, configuration.found,
                    drained_of(view));
}

bool Keeper::judges(const ProberSeat& seat) const {
  return offered_.generation != 0 && !to_judge_.empty() && to_judge_.front() == &seat;
}

void Keeper::accept(ProberSeat& seat, const Message& message) {
  if (message.generation == 0) return;  // stands for none on both sides of the comparisons below
  const bool again = message.generation == current_.generation;  // of a prober that was started anew
  const bool judged = message.generation == offered_.generation && judges(seat);
  if (!again && !judged) return;
  const auto& view = again ? current_.view : offered_.view;
  auto wanted = unpack_want(message.body, view.advertisements.size());
  if (!wanted) {
    log(LogLevel::error, "the prober accepts a configuration with " + wanted.error());
    if (current_.generation != 0) return judged ? drop_offer("wishes that are not for it") : void();
    hooks_.fail("keeper and prober do not read the configuration alike");
    return leave(kInternal);
  }
  seat.generation = message.generation;
  seat.refuses = false;
  seat.serial = message.serial;
  seat.want = std::move(wanted).value();
  seat.owes_view();
  if (judged) {
    to_judge_.erase(to_judge_.begin());
    if (!to_judge_.empty()) {
      watch(seat);
      return offer_next();
    }
    return put_in_force();
  }
  book_.take(seat.want.wishes, mine(seat), seat.want.said, Clock::now(), reconciler_.spacing());
  watch(seat);
  apply();
  follow_up();
}

void Keeper::put_in_force() {
  const bool first = current_.generation == 0;
  current_ = std::exchange(offered_, {});
  reloads_done_ = current_.asked;
  refusal_.clear();
  const auto& view = current_.view;
  hooks_.accepted(view);
  if (first) reconciler_.inherit(memory_.recalled());
  memory_.add(view.advertisements);
  reconciler_.set_spacing(view.lsa_spacing);
  const auto now = Clock::now();
  std::vector<Terms> terms;
  for (std::size_t i = 0; i < view.leases.size(); ++i)
    terms.push_back({view.leases[i], i < view.lingers.size() ? view.lingers[i] : Duration()});
  book_.configure(view.advertisements, terms, std::exchange(current_.found, {}), now);
  for (const auto& seat : seats_) {
    seat->runner.accept(current_.generation);
    if (!is_needed(*seat)) {
      dismiss(*seat, SIGTERM);
      continue;
    }
    book_.take(seat->want.wishes, mine(*seat), seat->want.said, now, reconciler_.spacing());
    watch(*seat);
  }
  // What they want is not applied yet, whatever settles here.
  half_way_ = true;
  reconciler_.configure(view.advertisements, view.lingers_removed, first);
  half_way_ = false;
  if (first && refuse_foreign()) return;
  apply();
  follow_up();
}

// What is done once it is clear that a prober is at work.
void Keeper::follow_up() {
  bool another = false;
  for (const auto& seat : seats_) {
    const bool ready = seat->generation != 0 && seat->prober.running();
    if (!ready || std::exchange(seat->at_work, true)) continue;
    another = true;
    // Not before it has its services: until then, who asks for them waits.
    if (const int control = hooks_.control ? hooks_.control(seat->part) : -1; control >= 0)
      seat->prober.send({MessageType::control, 0, 0, {}}, control);
    if (seat->part != ProberPart::built_in) continue;
    for (const auto name : kSocketNames) {
      if (hooks_.socket && hooks_.socket(name).fd >= 0) hand_over_socket(*seat, name);
    }
    hooks_.running(seat->prober.pid());
  }
  if (another) introduce();
  if (std::exchange(reload_again_, false)) reload_soon_.schedule();
}

// The prober of our own probes tells on the page, and in metrics, how the services of modules are too. It may
// not be one of those whom the control socket is for.
void Keeper::introduce() {
  auto* own = seat_of(ProberPart::built_in);
  auto* other = seat_of(ProberPart::modules);
  const auto there = [](const ProberSeat* seat) {
    return seat != nullptr && seat->at_work && seat->prober.running() && !seat->ending;
  };
  if (!there(own) || !there(other)) return;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return log(LogLevel::error, std::string("no socket between the probers: ") + std::strerror(errno));
  const Descriptor asks(ends[0]);
  const Descriptor tells(ends[1]);
  other->prober.send({MessageType::beside, 0, 0, {}}, tells.get());
  own->prober.send({MessageType::beside, 0, 0, {}}, asks.get());
}

void Keeper::socket_changed(SocketName name) {
  // One that is not at work yet is handed it then.
  if (auto* seat = seat_of(ProberPart::built_in); seat != nullptr && seat->at_work)
    hand_over_socket(*seat, name);
  tell_soon();  // of problems
}

void Keeper::hand_over_socket(ProberSeat& seat, SocketName name) {
  const auto socket = hooks_.socket(name);
  seat.prober.send({MessageType::socket, 0, 0, pack_place({name, socket.where})}, socket.fd);
}

void Keeper::refuse(ProberSeat& seat, const Message& message) {
  const bool in_force = message.generation == current_.generation;
  const bool judged = message.generation == offered_.generation && judges(seat);
  if (message.generation == 0 || (!in_force && !judged)) return;
  const auto refusal = unpack_refusal(message.body);
  if (current_.generation == 0) {
    for (const auto& line : refusal.lines) hooks_.fail(line);
    return leave(refusal.flags_alone ? kUsage : kConfiguration);
  }
  for (const auto& line : refusal.lines) log(LogLevel::error, line);
  if (in_force) {
    // A prober that was started anew, and something that it needs has gone since: the next may find it again.
    seat.refuses = true;
    dismiss(seat, SIGKILL);
  } else {
    seat.asked = seat.generation;  // it keeps what it has
    drop_offer(refusal.lines.empty() ? "for no reason" : refusal.lines.front());
    watch(seat);
  }
  if (std::exchange(reload_again_, false)) reload_soon_.schedule();
}

// The old configuration is kept; who has taken the new one already, or may yet, gets it back.
void Keeper::drop_offer(const std::string& why) {
  if (offered_.generation == 0) return;
  reloads_done_ = offered_.asked;
  refusal_ = why;
  tell_soon();
  log(LogLevel::error, "the configuration is refused, the old one is kept");
  offered_ = {};
  to_judge_.clear();
  for (const auto& seat : seats_) {
    seat->runner.accept(current_.generation);
    if (!is_needed(*seat)) dismiss(*seat, SIGKILL);
    const bool differs = seat->prober.running() && !seat->ending && seat->asked != current_.generation;
    if (differs && !offer(*seat, current_)) seat->prober.signal(SIGKILL);
  }
}

bool Keeper::refuse_foreign() {
  if (adopt_) return false;
  const auto foreign = reconciler_.foreign();
  for (const auto& what : foreign) {
    hooks_.fail(what + " is there already and lacks our mark (--adopt takes it over)");
  }
  if (foreign.empty()) return false;
  leave(kConfiguration);
  return true;
}

void Keeper::reload() {
  if (leaving_) return;
  ++reloads_asked_;
  const bool busy = std::any_of(seats_.begin(), seats_.end(), [&](const auto& seat) {
    // Where what is in force is refused, nothing but another configuration helps.
    return is_needed(*seat) && seat->generation != current_.generation && !seat->refuses;
  });
  if (offered_.generation != 0 || busy) {
    reload_again_ = true;
    return;
  }
  std::vector<std::string> wrong;
  offered_.asked = reloads_asked_;
  if (!load(offered_, wrong)) {
    for (const auto& line : wrong) log(LogLevel::error, line);
    return drop_offer(wrong.front());
  }
  begin_offer();
}

// One that has judged what is offered is ahead of those that have not yet.
const Keeper::Configuration& Keeper::taken_by(const ProberSeat& seat) const {
  const bool ahead = offered_.generation != 0 && seat.generation == offered_.generation;
  return ahead ? offered_ : current_;
}

}  // namespace anyprobe
