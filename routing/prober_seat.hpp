// A prober, the runner that does its commands, and what is known of the two.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/prober_part.hpp"
#include "core/runner_host.hpp"
#include "core/source_file.hpp"
#include "keeper_message.hpp"
#include "prober_host.hpp"
#include "vty_desk.hpp"

namespace anyprobe {

class ProberSeat {
 public:
  struct Hooks {
    // Start a process that has `socket` as its end; return its pid, or -1.
    std::function<pid_t(int socket)> spawn;
    std::function<pid_t(int socket)> spawn_runner;
    std::function<void(ProberSeat&)> started;
    std::function<void(ProberSeat&, const Message&)> heard;
    std::function<void(ProberSeat&, int status)> gone;
    std::function<void(ProberSeat&)> not_started;
  };

  ProberSeat(EventLoop& loop, ProberPart part, const Hooks& hooks);
  ProberSeat(const ProberSeat&) = delete;
  ProberSeat& operator=(const ProberSeat&) = delete;

  const ProberPart part;
  RunnerHost runner;
  ProberHost prober;
  VtyDesk vty;

  std::uint32_t asked = 0;       // the configuration that this prober was asked to take last; 0: none
  std::uint32_t generation = 0;  // and that it has taken
  std::uint32_t serial = 0;      // of what it wanted last
  Want want;                     // with the configuration it took
  bool at_work = false;          // and that was told
  bool suspended = false;
  bool ending = false;   // it has been told to end, and counts no more
  bool refuses = false;  // the last one there was refused what is in force

  void forget();  // a new prober knows nothing, and nothing is known of it

  // Whether it was handed over; the log says why not.
  bool offer(std::uint32_t generation_offered, const std::vector<SourceFile>& files,
             const CommandTable& commands, std::vector<bool> found, std::vector<bool> drained);
  // How the kernel has it (pack_view), and whether what it wanted last is done: it waits for that before it
  // stops or leaves. Nothing is said twice. Whether it heard all that it should.
  bool tell(bool settled, const std::string& view);
  void owes_view() { told_view_.clear(); }  // the next tell() is an answer, whether there is news or not
  // It has to say something at least each third of `lease`, if it is not suspended.
  void watch(Duration lease);
  void end(int signal, Duration patience);

 private:
  std::uint32_t told_ = 0;
  std::string told_view_;
};

}  // namespace anyprobe
