#include "command_table.hpp"

#include <csignal>
#include <cstring>

namespace anyprobe {
namespace {

constexpr std::string_view kSlugLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr std::size_t kLongestSlug = 64;

}  // namespace

std::string CommandResult::to_string() const {
  switch (end) {
    case End::exited:
      return "exit code " + std::to_string(number);
    case End::signalled:
      return "killed by " + signal_name(number);
    case End::overdue:
      return "killed at its deadline";
    case End::not_started:
      break;
  }
  return "not started: " + text;
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

bool is_slug(std::string_view text) {
  return !text.empty() && text.size() <= kLongestSlug &&
         text.find_first_not_of(kSlugLetters) == std::string_view::npos;
}

std::string as_slug(std::string_view text) {
  std::string out(text.substr(0, kLongestSlug));
  for (char& c : out) {
    if (kSlugLetters.find(c) == std::string_view::npos) c = '_';
  }
  return out.empty() ? "none" : out;
}

}  // namespace anyprobe
