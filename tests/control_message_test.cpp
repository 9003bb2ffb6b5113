#include "core/control_message.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace anyprobe;
using State = ReplyReader::State;

namespace {

std::string error_of(const std::string& line) {
  const auto request = parse_control_request(line);
  return request ? "" : request.error();
}

}  // namespace

TEST_CASE("control: a request survives the way") {
  for (const auto& request :
       {ControlRequest{"status", {}}, ControlRequest{"drain", {"dns", "--timeout=30s"}}}) {
    auto line = encode(request);
    REQUIRE(line.ends_with('\n'));
    line.pop_back();
    const auto got = parse_control_request(line);
    REQUIRE(got);
    CHECK(*got == request);
  }
}

TEST_CASE("control: what is no request is refused, and shown without harm") {
  CHECK(error_of("") == "\"\" is no request");
  CHECK(error_of("Status") == "\"Status\" is no request");
  CHECK(error_of("\x1b[2J") == "\"\\x1b[2J\" is no request");
  CHECK(error_of(std::string(33, 'a')) == "\"" + std::string(33, 'a') + "\" is no request");
  CHECK(error_of(" status") == "\"\" is no request");
  CHECK(error_of("status ") == "\"\" is no argument");
  CHECK(error_of("status  dns") == "\"\" is no argument");
  CHECK(error_of("status d\tns") == "\"d\\x09ns\" is no argument");
  CHECK(error_of("status d\xc3\xa4") == "\"d\xc3\xa4\" is no argument");
  CHECK(error_of(std::string("status\0", 7)) == "\"status\\x00\" is no request");
  CHECK(error_of("status " + std::string(kLongestRequest - 8, 'x')).empty());
  CHECK(error_of("status " + std::string(kLongestRequest - 7, 'x')) == "the request is too long");
}

TEST_CASE("control: a reply survives the way, in pieces of any length") {
  for (const auto& sent :
       {ControlReply{true, ""}, ControlReply{true, "{\"services\":[]}\n"},
        ControlReply{false, "no such request"}, ControlReply{true, std::string(5000, '\0')}}) {
    const auto octets = encode(sent);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, octets.size()}) {
      ReplyReader reader;
      CHECK_FALSE(reader.begun());
      for (std::size_t at = 0; at < octets.size(); at += step) {
        REQUIRE(reader.state() == State::wants_more);
        auto piece = std::string_view(octets).substr(at, step);
        reader.take(piece);
        CHECK(reader.begun());
        CHECK(piece.empty());
      }
      REQUIRE(reader.state() == State::whole);
      const auto got = reader.next();
      CHECK(got.ok == sent.ok);
      CHECK(got.body == sent.body);
    }
  }
}

TEST_CASE("control: replies behind each other are told apart") {
  const auto both = encode({true, "one"}) + encode({false, "two"});
  std::string_view rest = both;
  ReplyReader reader;
  REQUIRE(reader.take(rest) == State::whole);
  CHECK(reader.next().body == "one");
  REQUIRE(reader.take(rest) == State::whole);
  const auto second = reader.next();
  CHECK(second.body == "two");
  CHECK_FALSE(second.ok);
  CHECK(rest.empty());
  CHECK(reader.state() == State::wants_more);
  CHECK_FALSE(reader.begun());
}

TEST_CASE("control: what is cut short is never whole") {
  const auto octets = encode({true, "{\"services\":[]}"});
  for (std::size_t size = 0; size < octets.size(); ++size) {
    ReplyReader reader;
    auto piece = std::string_view(octets).substr(0, size);
    CHECK(reader.take(piece) == State::wants_more);
  }
}

TEST_CASE("control: nonsense is found out before much of it is held") {
  for (const std::string octets : {"HTTP/1.1 200 OK\n", "ok\n", "ok x\n", "ok -1\nx", "ok 1x\nx", "ok  1\nx",
                                   "ok 99999999999999999999\n", "ok 67108865\n", "error \n", "\n",
                                   "oops 1\nx", "an endless line that never says how long it is"}) {
    ReplyReader reader;
    std::string_view piece = octets;
    CHECK_MESSAGE(reader.take(piece) == State::nonsense, octets);
  }
  CHECK(encode({true, std::string(kLargestReply + 1, 'x')}).starts_with("error "));
}
