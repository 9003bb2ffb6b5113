#include "runner_message.hpp"

#include "packing.hpp"

namespace anyprobe {
namespace {

constexpr auto kFirst = static_cast<std::uint8_t>(RunnerMessageType::table);
constexpr auto kLast = static_cast<std::uint8_t>(RunnerMessageType::finished);
constexpr auto kLastState = static_cast<std::uint8_t>(HookState::up);
constexpr auto kLastEnd = static_cast<std::uint8_t>(CommandResult::End::not_started);
constexpr std::uint32_t kLongestDeadline = 1000U * 24 * 3600 * 20;  // milliseconds
constexpr std::uint32_t kMostRunning = 100'000;

std::string wrong_with(const RunnerMessage& message) {
  switch (message.type) {
    case RunnerMessageType::hook:
      if (message.detail > kLastState) return "a hook for a state there is not";
      return is_slug(message.text) ? "" : "a hook with a reason that is none";
    case RunnerMessageType::finished:
      return message.detail <= kLastEnd ? "" : "an end there is not";
    default:
      return message.detail == 0 && message.text.empty() ? "" : "more than belongs to a message of its type";
  }
}

// 0 stands for what is not said.
void put_log(std::string& out, const LogSettings& log) {
  put_number(out, log.level ? static_cast<std::uint32_t>(*log.level) + 1 : 0);
  put_number(out, log.json ? (*log.json ? 2 : 1) : 0);
}

bool take_log(std::string_view& in, LogSettings& log) {
  std::uint32_t level = 0;
  std::uint32_t as_json = 0;
  if (!take_number(in, level) || !take_number(in, as_json)) return false;
  if (level > static_cast<std::uint32_t>(LogLevel::debug) + 1 || as_json > 2) return false;
  if (level > 0) log.level = static_cast<LogLevel>(level - 1);
  if (as_json > 0) log.json = as_json == 2;
  return true;
}

bool take_words(std::string_view& in, std::vector<std::string>& words) {
  std::uint32_t count = 0;
  // Each has at least its length before it.
  if (!take_number(in, count) || count == 0 || count > in.size() / sizeof count) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string word;
    if (!take_text(in, word) || word.find('\0') != std::string::npos) return false;
    words.push_back(std::move(word));
  }
  return !words.front().empty();
}

bool take_command(std::string_view& in, CommandSpec& command) {
  std::uint32_t deadline = 0;
  std::uint32_t hook = 0;
  if (!take_text(in, command.name.service) || !take_text(in, command.name.place) ||
      !take_text(in, command.user) || !take_number(in, deadline) || !take_number(in, hook) ||
      !take_words(in, command.words) || deadline > kLongestDeadline || hook > 1) {
    return false;
  }
  command.deadline = std::chrono::milliseconds(deadline);
  command.hook = hook == 1;
  return true;
}

}  // namespace

std::string encode(const RunnerMessage& message) {
  std::string out;
  out += static_cast<char>(message.type);
  out += static_cast<char>(message.detail);
  put_number(out, message.generation);
  put_number(out, message.id);
  put_number(out, message.number);
  return out + message.text.substr(0, kLargestOutput);
}

Outcome<RunnerMessage> decode_runner_message(std::string_view packet) {
  if (packet.size() > kLargestRunnerMessage) return Error{"message too long"};
  if (packet.size() < 2) return Error{"message cut short"};
  const auto type = static_cast<std::uint8_t>(packet[0]);
  if (type < kFirst || type > kLast) return Error{"message of unknown type " + std::to_string(type)};
  RunnerMessage out;
  out.type = static_cast<RunnerMessageType>(type);
  out.detail = static_cast<std::uint8_t>(packet[1]);
  packet.remove_prefix(2);
  if (!take_number(packet, out.generation) || !take_number(packet, out.id) ||
      !take_number(packet, out.number)) {
    return Error{"message cut short"};
  }
  out.text = packet;
  if (auto wrong = wrong_with(out); !wrong.empty()) return Error{std::move(wrong)};
  return out;
}

RunnerMessage finished_message(std::uint32_t id, const CommandResult& result) {
  RunnerMessage out;
  out.type = RunnerMessageType::finished;
  out.detail = static_cast<std::uint8_t>(result.end);
  out.id = id;
  out.number = static_cast<std::uint32_t>(result.number);
  out.text = result.text;
  return out;
}

CommandResult result_of(const RunnerMessage& message) {
  return {static_cast<CommandResult::End>(message.detail), static_cast<int>(message.number), message.text};
}

std::string pack_table(const CommandTable& table) {
  std::string out;
  put_log(out, table.log);
  put_number(out, table.max_running);
  for (const auto& command : table.commands) {
    put_text(out, command.name.service);
    put_text(out, command.name.place);
    put_text(out, command.user);
    put_number(out, static_cast<std::uint32_t>(command.deadline.count()));
    put_number(out, command.hook ? 1 : 0);
    put_number(out, static_cast<std::uint32_t>(command.words.size()));
    for (const auto& word : command.words) put_text(out, word);
  }
  return out;
}

Outcome<CommandTable> unpack_table(std::string_view octets) {
  CommandTable out;
  if (!take_log(octets, out.log) || !take_number(octets, out.max_running) || out.max_running == 0 ||
      out.max_running > kMostRunning) {
    return Error{"a table of commands that begins wrongly"};
  }
  while (!octets.empty()) {
    CommandSpec command;
    if (!take_command(octets, command)) return Error{"a table of commands cut short"};
    out.commands.push_back(std::move(command));
  }
  return out;
}

}  // namespace anyprobe
