// What keeper, prober and runner say to each other, one message a packet. The runner believes the prober
// nothing: it says no more than which command of the keeper's table it wants run, and a hook's state and
// reason. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "command_runner.hpp"
#include "outcome.hpp"

namespace anyprobe {

enum class RunnerMessageType : std::uint8_t {
  table = 1,  // keeper: the commands of configuration `generation` (with a descriptor)
  in_force,   // keeper: `generation` is in force now, the others are not
  prober,     // keeper: the socket of a prober, the one from now on (with a descriptor)
  run,        // prober: command `number` of `generation` is to run, and is called `id` from now on
  cancel,     // prober: `id` is not wanted any more
  hook,       // prober: hook `number` of `generation` is to run; `detail` is a HookState, `text` the reason
  queued,     // runner: `id` waits, since `number` run already
  started,    // runner: `id` runs
  finished,  // runner: `id` has ended; `detail` is a CommandResult::End, `number` and `text` are the result's
};

struct RunnerMessage {
  RunnerMessageType type = RunnerMessageType::run;
  std::uint8_t detail = 0;
  std::uint32_t generation = 0;
  std::uint32_t id = 0;
  std::uint32_t number = 0;
  std::string text;
};

inline constexpr std::size_t kLargestRunnerMessage = 14 + kLargestOutput;

std::string encode(const RunnerMessage& message);  // a text that is too long is cut
// Takes just what encode() makes. Of a hook the state is one and the reason a slug, of a finished command the
// end is one.
Outcome<RunnerMessage> decode_runner_message(std::string_view packet);

RunnerMessage finished_message(std::uint32_t id, const CommandResult& result);
CommandResult result_of(const RunnerMessage& message);  // of a finished one

// The table, for the descriptor.
std::string pack_table(const CommandTable& table);
Outcome<CommandTable> unpack_table(std::string_view octets);

}  // namespace anyprobe
