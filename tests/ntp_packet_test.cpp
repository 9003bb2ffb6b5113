// NTP's timestamps and headers, and what a reply says of a server.
#include "probes/ntp_packet.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "probes/ntp_judge.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

NtpTime at_unix(std::int64_t seconds, std::int64_t nano = 0) {
  return to_ntp_time(
      std::chrono::system_clock::time_point(std::chrono::seconds(seconds) + nanoseconds(nano)));
}

constexpr NtpTime seconds_of(std::uint64_t seconds) {
  return seconds << 32U;
}

// A reply whose every field is another.
std::vector<std::uint8_t> sample() {
  std::vector<std::uint8_t> out(kNtpHeader);
  std::iota(out.begin(), out.end(), std::uint8_t{0x40});
  out[0] = 1U << 6U | 4U << 3U | 4U;
  out[1] = 2;
  const std::uint8_t distances[] = {0, 1, 0x80, 0, 0, 0, 0x08, 0, 'G', 'P', 'S', 0};
  std::copy(std::begin(distances), std::end(distances), out.begin() + 4);
  return out;
}

constexpr NtpRoundTrip kTrip{seconds_of(1000), seconds_of(1000) + 0x1000'0000};  // a sixteenth of a second

// Of a good server whose clock is `ahead` of ours, read in the middle of the round trip.
NtpReply reply(nanoseconds ahead = 0ns) {
  NtpReply out;
  out.stratum = 2;
  out.root_delay = 10ms;
  out.root_dispersion = 20ms;
  const auto shift = static_cast<std::int64_t>(static_cast<double>(ahead.count()) * 4.294967296);
  out.receive = out.transmit = kTrip.sent + 0x0800'0000 + static_cast<NtpTime>(shift);
  return out;
}

Result judged(const NtpReply& of, const NtpLimits& limits = {}, const NtpRoundTrip& trip = kTrip) {
  return judge_ntp_reply(of, trip, limits);
}

NtpReply kiss(const std::string& code) {
  auto out = reply();
  out.stratum = 0;
  out.leap = 3;
  std::copy(code.begin(), code.end(), out.reference_id.begin());
  return out;
}

void check_fails(const Result& result, std::string_view reason, const std::string& detail) {
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.reason == reason);
  CHECK(result.detail == detail);
}

}  // namespace

TEST_CASE("NTP counts from 1900, in eras") {  // the dates of RFC 5905 figure 4
  CHECK(at_unix(0) == seconds_of(2'208'988'800));
  CHECK(at_unix(63'072'000) == seconds_of(2'272'060'800));   // 1 January 1972
  CHECK(at_unix(946'598'400) == seconds_of(3'155'587'200));  // 31 December 1999
  CHECK(at_unix(2'086'041'600) == seconds_of(63'104));       // 8 February 2036, in era 1
  CHECK(at_unix(2'085'978'495) == seconds_of(0xffff'ffff));
  CHECK(at_unix(2'085'978'496) == 0);
  CHECK(at_unix(0, 500'000'000) == (seconds_of(2'208'988'800) | 0x8000'0000));
  CHECK(at_unix(0, 999'999'999) == (seconds_of(2'208'988'800) | 0xffff'fffb));
  CHECK(at_unix(-1, 250'000'000) == (seconds_of(2'208'988'799) | 0x4000'0000));
}

TEST_CASE("differences have a sign, and do not mind the end of an era") {
  CHECK(ntp_difference(at_unix(2'085'978'497), at_unix(2'085'978'494)) == 3s);
  CHECK(ntp_difference(at_unix(2'085'978'494), at_unix(2'085'978'497)) == -3s);
  CHECK(ntp_difference(0x4000'0000, 0xffff'ffff'c000'0000) == 500ms);
  CHECK(ntp_difference(0xffff'ffff'c000'0000, 0x4000'0000) == -500ms);
  CHECK(ntp_difference(7, 7) == 0ns);
  CHECK(ntp_difference(seconds_of(0x7fff'ffff), 0) == 0x7fff'ffffs);
  CHECK(ntp_difference(0, seconds_of(0x7fff'ffff)) == -0x7fff'ffffs);
  CHECK(ntp_difference(seconds_of(0x8000'0000), 0) == -0x8000'0000s);
}

TEST_CASE("a request is of version 4, of a client, and says nothing but its origin") {
  const auto request = encode_ntp_request(0x0123'4567'89ab'cdef);
  std::vector<std::uint8_t> expected(40);
  expected[0] = 0x23;
  expected.insert(expected.end(), {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef});
  CHECK(std::vector<std::uint8_t>(request.begin(), request.end()) == expected);
}

TEST_CASE("every field of a reply is read") {
  const auto reply = parse_ntp_reply(sample());
  REQUIRE(reply);
  CHECK(reply->leap == 1);
  CHECK(reply->stratum == 2);
  CHECK(reply->root_delay == 1500ms);
  CHECK(reply->root_dispersion == 31'250us);
  CHECK(reply->reference_id == std::array<std::uint8_t, 4>{'G', 'P', 'S', 0});
  CHECK(reply->origin == 0x5859'5a5b'5c5d'5e5f);
  CHECK(reply->receive == 0x6061'6263'6465'6667);
  CHECK(reply->transmit == 0x6869'6a6b'6c6d'6e6f);
}

TEST_CASE("what is no server's reply is not read") {
  auto packet = sample();
  packet.pop_back();
  CHECK_FALSE(parse_ntp_reply(packet));
  CHECK_FALSE(parse_ntp_reply({}));
  packet = sample();
  packet.resize(68);  // an authenticator behind it
  CHECK(parse_ntp_reply(packet));
  for (unsigned mode = 0; mode < 8; ++mode) {
    packet[0] = static_cast<std::uint8_t>(4U << 3U | mode);
    CHECK(parse_ntp_reply(packet).has_value() == (mode == 4));
  }
  for (unsigned version = 0; version < 8; ++version) {
    packet[0] = static_cast<std::uint8_t>(version << 3U | 4U);
    CHECK(parse_ntp_reply(packet).has_value() == (version >= 1 && version <= 4));
  }
}

TEST_CASE("a synchronised server whose clock agrees with ours passes") {
  const auto result = judged(reply(12us));
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == "ok");
  CHECK(result.detail == "stratum 2, offset +0.012 ms, root distance 25.000 ms");
  CHECK(judged(reply(-12us)).detail == "stratum 2, offset -0.012 ms, root distance 25.000 ms");
  for (const unsigned leap : {1U, 2U}) {  // a leap second to come
    auto of = reply();
    of.leap = leap;
    CHECK(judged(of).verdict == Verdict::pass);
  }
}

TEST_CASE("an unsynchronised server fails") {
  auto of = reply();
  of.leap = 3;
  check_fails(judged(of), "unsynchronised", "is not synchronised (leap 3, stratum 2)");
  of.leap = 0;
  of.stratum = 16;
  check_fails(judged(of), "unsynchronised", "is not synchronised (leap 0, stratum 16)");
  check_fails(judged(kiss("")), "unsynchronised", "is not synchronised (leap 3, stratum 0)");
  check_fails(judged(kiss("INIT")), "unsynchronised", "is not synchronised yet (INIT)");
  check_fails(judged(kiss("STEP")), "unsynchronised", "is not synchronised yet (STEP)");
}

TEST_CASE("a kiss-o'-death is named, and that we ask too often is our own fault") {
  check_fails(judged(kiss("DENY")), "denied", "denies us its service (DENY)");
  check_fails(judged(kiss("RSTR")), "denied", "denies us its service (RSTR)");
  check_fails(judged(kiss("NKEY")), "kiss", "refuses by the code \"NKEY\"");
  check_fails(judged(kiss("X")), "kiss", "refuses by the code \"X\"");
  check_fails(judged(kiss("A\x01"
                          "BC")),
              "unsynchronised", "is not synchronised (leap 3, stratum 0)");
  const auto result = judged(kiss("RATE"));
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "rate_limited");
  CHECK(result.detail == "wants to be asked less often (RATE)");
}

TEST_CASE("a stratum above the limit fails") {
  auto of = reply();
  of.stratum = 4;
  CHECK(judged(of, {.stratum = 4}).verdict == Verdict::pass);
  check_fails(judged(of, {.stratum = 3}), "stratum", "stratum 4 is above 3");
  of.stratum = 15;
  CHECK(judged(of).verdict == Verdict::pass);
}

TEST_CASE("a server that gives no time fails") {
  auto of = reply();
  of.transmit = 0;
  check_fails(judged(of), "no_time", "gives no time of transmission");
  of = reply();
  of.receive = 0;
  check_fails(judged(of), "no_time", "gives no time of receipt");
}

TEST_CASE("a server that does not trust its own clock fails") {
  auto of = reply();
  of.root_delay = 2s;
  of.root_dispersion = 2s;
  CHECK(judged(of).verdict == Verdict::pass);
  of.root_dispersion += 1us;
  check_fails(judged(of), "distance", "is up to 3.000 s from the true time, above 3.000 s");
  CHECK(judged(of, {.distance = 3100ms}).verdict == Verdict::pass);
}

TEST_CASE("a clock that is off by more than the limit and half of the round trip fails") {
  // Half of it is 31.25 ms.
  const NtpLimits limits{.offset = 100ms};
  CHECK(judged(reply(131ms), limits).verdict == Verdict::pass);
  CHECK(judged(reply(-131ms), limits).verdict == Verdict::pass);
  check_fails(judged(reply(132ms), limits), "offset",
              "its clock is 132.000 ms ahead of ours, above 100.000 ms");
  check_fails(judged(reply(-132ms), limits), "offset",
              "its clock is 132.000 ms behind ours, above 100.000 ms");
  CHECK(judged(reply(1s)).verdict == Verdict::pass);
  CHECK(judged(reply(1032ms)).verdict == Verdict::fail);
  CHECK(judged(reply(std::chrono::hours(24 * 365 * 40))).reason == "offset");
}

TEST_CASE("the two timestamps of a server may not make up for one another") {
  auto of = reply();
  of.receive -= seconds_of(100);
  of.transmit += seconds_of(100);
  CHECK(ntp_offset(of, kTrip) == 0ns);
  check_fails(judged(of), "offset", "its clock is 100.000 s ahead of ours, above 1.000 s");
}

TEST_CASE("offsets are right across the end of an era, and with our clock set back in between") {
  const NtpRoundTrip trip{seconds_of(0xffff'ffff), seconds_of(1)};
  auto of = reply();
  of.receive = of.transmit = 0x4000'0000;
  CHECK(ntp_offset(of, trip) == 250ms);
  CHECK(judged(of, {.offset = 1ms}, trip).verdict == Verdict::pass);  // two seconds of round trip
  const NtpRoundTrip back{seconds_of(1000), seconds_of(900)};
  CHECK(judged(reply(), {}, back).verdict == Verdict::pass);
  CHECK(judged(reply(2s), {}, back).verdict == Verdict::fail);
}
