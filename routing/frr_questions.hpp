// What FRR's daemons may be asked: a fixed list, so that whoever asks the keeper names no command.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

enum class FrrQuestion : std::uint8_t {
  ospf_prefix,  // who announces the prefix of an advertisement, by LSAs of their own
  ospf_state,   // the stub links, who can be reached, and how the neighbours stand
  ospf6_state,  // all of it; ospf6d has no look-up by prefix
};

struct FrrInquiry {
  FrrQuestion question = FrrQuestion::ospf_state;
  std::uint32_t advertisement = 0;  // of ospf_prefix: its place in the configuration

  friend bool operator==(const FrrInquiry&, const FrrInquiry&) = default;
};
std::string pack_inquiry(const FrrInquiry& inquiry);
Outcome<FrrInquiry> unpack_inquiry(std::string_view body);

struct FrrAnswer {
  enum class End : std::uint8_t {
    answered,  // the replies as they are go beside it
    absent,    // there is no such daemon
    stale,     // it is of another configuration than the one in force
    failed,
  };
  End end = End::failed;
  std::string why;  // where it is not answered: one line
};
std::string pack_answer(const FrrAnswer& answer);  // `why` is cut to a bound
Outcome<FrrAnswer> unpack_answer(std::string_view body);

Family family_of(FrrQuestion question);
const char* daemon_of(FrrQuestion question);  // "ospfd", which is the name of its socket too
// Link states come first and the neighbours last: what was found before their lists of unacknowledged LSAs
// were empty has been acknowledged.
std::vector<std::string> commands_of(FrrQuestion question, const Prefix& prefix);

struct VtyReply {
  std::string_view text;
  std::uint8_t status = 0;  // 0: done
};
// The replies to several commands, each ended by three NUL octets and its status, as views of `octets`.
Outcome<std::vector<VtyReply>> split_replies(std::string_view octets);

}  // namespace anyprobe
