#include "frr_questions.hpp"

#include "core/packing.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kLongestWhy = 300;
constexpr std::string_view kEnd{"\0\0\0", 3};

}  // namespace

std::string pack_inquiry(const FrrInquiry& inquiry) {
  std::string out(1, static_cast<char>(inquiry.question));
  put_number(out, inquiry.advertisement);
  return out;
}

Outcome<FrrInquiry> unpack_inquiry(std::string_view body) {
  FrrInquiry out;
  if (body.empty() || static_cast<unsigned char>(body.front()) > static_cast<int>(FrrQuestion::ospf6_state))
    return Error{"a question that there is not"};
  out.question = static_cast<FrrQuestion>(body.front());
  body.remove_prefix(1);
  if (!take_number(body, out.advertisement) || !body.empty()) return Error{"a question of a wrong length"};
  return out;
}

std::string pack_answer(const FrrAnswer& answer) {
  return static_cast<char>(answer.end) + answer.why.substr(0, kLongestWhy);
}

Outcome<FrrAnswer> unpack_answer(std::string_view body) {
  if (body.empty() || static_cast<unsigned char>(body.front()) > static_cast<int>(FrrAnswer::End::failed))
    return Error{"an answer of no known end"};
  FrrAnswer out{static_cast<FrrAnswer::End>(body.front()), std::string(body.substr(1, kLongestWhy))};
  return out;
}

Family family_of(FrrQuestion question) {
  return question == FrrQuestion::ospf6_state ? Family::ipv6 : Family::ipv4;
}

const char* daemon_of(FrrQuestion question) {
  return family_of(question) == Family::ipv6 ? "ospf6d" : "ospfd";
}

std::vector<std::string> commands_of(FrrQuestion question, const Prefix& prefix) {
  const auto network = prefix.network().to_string();
  switch (question) {
    case FrrQuestion::ospf_prefix:
      return {"show ip ospf database external " + network + " json",
              "show ip ospf database nssa-external " + network + " json",
              "show ip ospf database summary " + network + " json"};
    case FrrQuestion::ospf_state:
      return {"show ip ospf database router json", "show ip ospf border-routers",
              "show ip ospf neighbor detail json"};
    case FrrQuestion::ospf6_state:
      break;
  }
  return {"show ipv6 ospf6 database json", "show ipv6 ospf6 json", "show ipv6 ospf6 spf tree json",
          "show ipv6 ospf6 border-routers", "show ipv6 ospf6 neighbor detail json"};
}

Outcome<std::vector<VtyReply>> split_replies(std::string_view octets) {
  std::vector<VtyReply> out;
  while (!octets.empty()) {
    const auto end = octets.find(kEnd);
    if (end == std::string_view::npos || end + kEnd.size() >= octets.size())
      return Error{"a reply is cut short"};
    out.push_back({octets.substr(0, end), static_cast<std::uint8_t>(octets[end + kEnd.size()])});
    octets.remove_prefix(end + kEnd.size() + 1);
  }
  return out;
}

}  // namespace anyprobe
