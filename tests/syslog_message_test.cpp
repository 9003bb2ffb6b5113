// How syslog lines are written, by the examples of their RFCs, and how ours are known again.
#include "probes/syslog_message.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace anyprobe;

namespace {

SyslogLine line_at(int year, int month, int day, int hour, int minute, int second) {
  SyslogLine line;
  line.time.tm_year = year - 1900;
  line.time.tm_mon = month - 1;
  line.time.tm_mday = day;
  line.time.tm_hour = hour;
  line.time.tm_min = minute;
  line.time.tm_sec = second;
  return line;
}

std::vector<std::string> tokens_in(const std::vector<std::string>& pieces) {
  std::vector<std::string> out;
  SyslogTokens tokens;
  for (const auto& piece : pieces) {
    tokens.take(piece, [&](const std::string& token) { out.push_back(token); });
  }
  return out;
}

const std::string kToken = "anyprobe-000102030405060708090a0b0c0d0eff";

}  // namespace

TEST_CASE("RFC 3164, section 5.4, example 1") {
  auto line = line_at(2003, 10, 11, 22, 14, 15);
  line.priority = 34;
  line.host = "mymachine";
  line.tag = "su";
  line.text = "'su root' failed for lonvick on /dev/pts/8";
  CHECK(encode_rfc3164(line) ==
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8");
}

TEST_CASE("RFC 3164: a day of one digit, a process, and no host as programs write to /dev/log") {
  auto line = line_at(2026, 2, 5, 7, 2, 8);
  line.priority = 135;
  line.tag = "syslog-probe";
  line.process = "4711";
  line.text = "test";
  CHECK(encode_rfc3164(line) == "<135>Feb  5 07:02:08 syslog-probe[4711]: test");
}

TEST_CASE("RFC 5424, section 6.5, examples 1 and 2") {
  auto one = line_at(2003, 8, 24, 5, 14, 15);
  one.time.tm_gmtoff = -7 * 3600;
  one.microseconds = 3;
  one.priority = 165;
  one.host = "192.0.2.1";
  one.tag = "myproc";
  one.process = "8710";
  one.text = "%% It's time to make the do-nuts.";
  CHECK(encode_rfc5424(one) ==
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the "
        "do-nuts.");
  auto two = line_at(2003, 10, 11, 22, 14, 15);
  two.microseconds = 3000;
  two.priority = 34;
  CHECK(encode_rfc5424(two) == "<34>1 2003-10-11T22:14:15.003000Z - - - - - ");
  two.time.tm_gmtoff = 5 * 3600 + 30 * 60;
  CHECK(encode_rfc5424(two) == "<34>1 2003-10-11T22:14:15.003000+05:30 - - - - - ");
}

TEST_CASE("facilities and severities stand at their numbers") {
  CHECK(std::size(kSyslogFacilities) == 24);
  CHECK(std::size(kSyslogSeverities) == 8);
  CHECK(std::string(kSyslogFacilities[16]) == "local0");
  CHECK(std::string(kSyslogSeverities[7]) == "debug");
}

TEST_CASE("RFC 6587, sections 3.4.1 and 3.4.2") {
  CHECK(framed_by_newline("<34>1 x") == "<34>1 x\n");
  CHECK(framed_by_count("<34>1 x") == "7 <34>1 x");
}

TEST_CASE("a token is made of all its octets") {
  std::array<std::uint8_t, kSyslogTokenOctets> random{};
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::uint8_t>(i);
  random.back() = 0xff;
  CHECK(make_syslog_token(random) == kToken);
  CHECK(kToken.size() == kSyslogTokenLength);
}

TEST_CASE("a token is found in whatever a relay made of the line") {
  for (const std::string& line : std::vector<std::string>{
           kToken, "<135>Nov  1 08:05:09 relay syslog-probe: test " + kToken + "\n",
           R"({"MESSAGE":"test )" + kToken + R"("})", "112 <135>1 - - - - - test " + kToken + "113 <1",
           "anyprobe-anyprobe-" + kToken, std::string("\0", 1) + kToken + std::string(70000, 'x')}) {
    CAPTURE(line.substr(0, 100));
    CHECK(tokens_in({line}) == std::vector{kToken});
  }
  CHECK(tokens_in({kToken + kToken}).size() == 2);
}

TEST_CASE("what is no token is none") {
  for (const std::string& line :
       std::vector<std::string>{std::string(), std::string("anyprobe-"), kToken.substr(0, kToken.size() - 1),
                                "anyprobe-g" + kToken.substr(10), "anyprobe-F" + kToken.substr(10),
                                "Anyprobe-" + kToken.substr(9)}) {
    CAPTURE(line);
    CHECK(tokens_in({line}).empty());
  }
}

TEST_CASE("a token is found once, wherever the stream is cut") {
  const auto text = "x" + kToken + "\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    CHECK(tokens_in({text.substr(0, cut), text.substr(cut)}) == std::vector{kToken});
  }
  std::vector<std::string> singly;
  for (const char c : text + text) singly.emplace_back(1, c);
  CHECK(tokens_in(singly).size() == 2);
}
