// What is said over a daemon's control socket, and how it is framed. Pure.
//
// A request is one line of words with a space between them, "status\n". A reply is a line that says how it
// went and how long what follows is, "ok 17\n" or "error 12\n", and just as many octets: what is cut short
// shows. One connection, one request; a request may have several replies behind each other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "outcome.hpp"

namespace anyprobe {

inline constexpr const char* kStatusVerb = "status";
inline constexpr const char* kDetailArgument = "detail";  // of status: what happened lately, too

// The verbs that change something.
inline constexpr const char* kDrainVerb = "drain";
inline constexpr const char* kForceDrainVerb = "force-drain";  // also what nobody else announces
inline constexpr const char* kQueueVerb = "queue-drain";       // in its turn; said again while it waits
inline constexpr const char* kLeaveQueueVerb = "leave-queue";  // and waits no more
inline constexpr const char* kResumeVerb = "resume";
inline constexpr const char* kReloadVerb = "reload";  // read the configuration again
// To "status": with what is counted.
inline constexpr const char* kCountsArgument = "counts";

struct ControlRequest {
  std::string verb;                    // small letters and dashes
  std::vector<std::string> arguments;  // not empty, printable ASCII without spaces

  friend bool operator==(const ControlRequest&, const ControlRequest&) = default;
};

inline constexpr std::size_t kLongestRequest = 4096;  // in octets, with the end of its line

std::string encode(const ControlRequest& request);
// `line` without its end.
Outcome<ControlRequest> parse_control_request(std::string_view line);

struct ControlReply {
  bool ok = true;
  std::string body;  // of one that is not: why, in one line
};

// What 100,000 advertisements and 20,000 services come to, three times over.
inline constexpr std::size_t kLargestReply = std::size_t{64} * 1024 * 1024;  // of its body, in octets

// A body that is too large makes it an error that says so.
std::string encode(ControlReply reply);

// Takes replies as they come in pieces, believing nothing. It holds no more than has come.
class ReplyReader {
 public:
  enum class State : unsigned char { wants_more, whole, nonsense };

  explicit ReplyReader(std::size_t largest = kLargestReply) : largest_(largest) {}  // of a body, in octets

  // Takes from the front of `octets` what belongs to the reply; what follows a whole one is left there.
  State take(std::string_view& octets);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool begun() const { return begun_; }  // something has come

  // Only of a whole one; the next begins.
  [[nodiscard]] ControlReply next();

 private:
  State read_head();

  std::size_t largest_;
  State state_ = State::wants_more;
  bool begun_ = false;
  bool has_head_ = false;
  std::string head_;
  std::size_t missing_ = 0;
  ControlReply reply_;
};

}  // namespace anyprobe
