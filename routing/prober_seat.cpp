#include "prober_seat.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/log.hpp"
#include "core/packet_socket.hpp"

namespace anyprobe {
namespace {

// While a prober reads a configuration it says nothing.
constexpr Duration kReadingBeat = std::chrono::seconds(5);

}  // namespace

ProberSeat::ProberSeat(EventLoop& loop, ProberPart whose, const Hooks& hooks)
    : part(whose),
      runner(loop, hooks.spawn_runner),
      prober(loop, {.spawn = hooks.spawn,
                    .started = [this, started = hooks.started] { started(*this); },
                    .heard = [this, heard = hooks.heard](const Message& message) { heard(*this, message); },
                    .gone = [this, gone = hooks.gone](int status) { gone(*this, status); },
                    .not_started = [this, failed = hooks.not_started] { failed(*this); }}),
      vty(loop, [this](std::uint32_t number, const FrrAnswer& answer, const Descriptor& replies) {
        // One that reads nothing asks again some time.
        prober.send({MessageType::answer, generation, number, pack_answer(answer)}, replies.get());
      }) {
  runner.use([this](int way) {
    if (!prober.running() || prober.send({MessageType::runner, 0, 0, {}}, way)) return;
    log(LogLevel::error, std::string("the prober cannot be told of the runner: ") + std::strerror(errno));
  });
}

void ProberSeat::forget() {
  asked = generation = serial = told_ = 0;
  told_view_.clear();
  vty.forget();
  want = {};
  at_work = false;
}

bool ProberSeat::offer(std::uint32_t generation_offered, const std::vector<SourceFile>& files,
                       const CommandTable& commands, std::vector<bool> found, std::vector<bool> drained) {
  runner.offer(generation_offered, commands);
  const auto file = memory_file("anyprobe-configuration", pack_files(files));
  const Message message{MessageType::configuration, generation_offered, 0,
                        pack_circumstances({suspended, std::move(found), std::move(drained)})};
  if (!file.valid() || !prober.send(message, file.get())) {
    log(LogLevel::error, std::string("the configuration cannot be handed over: ") + std::strerror(errno));
    return false;
  }
  asked = generation_offered;
  if (!suspended) prober.watch(kReadingBeat);
  return true;
}

bool ProberSeat::tell(bool settled, const std::string& view) {
  const auto done = settled ? serial : told_;
  if (done == told_ && view == told_view_) return true;
  if (!prober.send({MessageType::applied, generation, done, view})) return false;
  told_ = done;
  told_view_ = view;
  return true;
}

void ProberSeat::watch(Duration lease) {
  // A sixth, so that it is missed in time for another to save the lease.
  prober.watch(suspended ? Duration::zero() : lease / 6);
}

void ProberSeat::end(int signal, Duration patience) {
  prober.stop_starting();
  prober.watch(Duration::zero());
  prober.signal(signal);
  prober.expect_end(patience);
}

}  // namespace anyprobe
