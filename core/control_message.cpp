#include "control_message.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "text.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kOk = "ok ";
constexpr std::string_view kError = "error ";
constexpr std::size_t kLongestHead = 32;
constexpr std::size_t kLongestVerb = 32;

bool is_verb(std::string_view word) {
  return !word.empty() && word.size() <= kLongestVerb &&
         word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos;
}

bool is_argument(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::string encode(const ControlRequest& request) {
  std::string out = request.verb;
  for (const auto& argument : request.arguments) out += ' ' + argument;
  return out + '\n';
}

Outcome<ControlRequest> parse_control_request(std::string_view line) {
  if (line.size() >= kLongestRequest) return Error{"the request is too long"};
  ControlRequest out;
  for (bool first = true;; first = false) {
    const auto space = line.find(' ');
    const auto word = line.substr(0, space);
    if (first ? !is_verb(word) : !is_argument(word)) {
      return Error{in_quotes(word) + (first ? " is no request" : " is no argument")};
    }
    if (first)
      out.verb = word;
    else
      out.arguments.emplace_back(word);
    if (space == std::string_view::npos) return out;
    line.remove_prefix(space + 1);
  }
}

std::string encode(ControlReply reply) {
  if (reply.body.size() > kLargestReply) reply = {false, "the answer is too large"};
  std::string out(reply.ok ? kOk : kError);
  out += std::to_string(reply.body.size()) + '\n';
  return out + reply.body;
}

ReplyReader::State ReplyReader::take(std::string_view& octets) {
  begun_ = begun_ || !octets.empty();
  while (state_ == State::wants_more && !octets.empty()) {
    if (!has_head_) {
      const auto end = octets.find('\n');
      const auto line = octets.substr(0, end);
      if (head_.size() + line.size() > kLongestHead) return state_ = State::nonsense;
      head_ += line;
      octets.remove_prefix(end == std::string_view::npos ? octets.size() : end + 1);
      if (end != std::string_view::npos) state_ = read_head();
      continue;
    }
    const auto part = octets.substr(0, missing_);
    reply_.body += part;
    missing_ -= part.size();
    octets.remove_prefix(part.size());
    if (missing_ == 0) state_ = State::whole;
  }
  return state_;
}

ReplyReader::State ReplyReader::read_head() {
  std::string_view rest = head_;
  reply_.ok = rest.starts_with(kOk);
  if (!reply_.ok && !rest.starts_with(kError)) return State::nonsense;
  rest.remove_prefix(reply_.ok ? kOk.size() : kError.size());
  const auto* end = rest.data() + rest.size();
  const auto read = std::from_chars(rest.data(), end, missing_);
  if (read.ec != std::errc{} || read.ptr != end || missing_ > largest_) return State::nonsense;
  has_head_ = true;
  return missing_ == 0 ? State::whole : State::wants_more;
}

ControlReply ReplyReader::next() {
  auto out = std::move(reply_);
  *this = ReplyReader(largest_);
  return out;
}

}  // namespace anyprobe
