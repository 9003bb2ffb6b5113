// Names, records and replies of the DNS, without a network.
#include <doctest/doctest.h>

#include <cerrno>
#include <utility>

#include "dns_server.hpp"
#include "probes/dns_judge.hpp"
#include "probes/failure.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

DnsRequest request_for(const std::string& name, std::uint16_t type = 1) {
  DnsRequest out;
  out.bytes = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const DnsPacket wire = *encode_dns_name(name);
  out.bytes.insert(out.bytes.end(), wire.begin(), wire.end());
  const DnsPacket rest = {static_cast<std::uint8_t>(type >> 8U), static_cast<std::uint8_t>(type & 255U), 0,
                          1};
  out.bytes.insert(out.bytes.end(), rest.begin(), rest.end());
  return out;
}

// The data of one record as text; what is wrong with the message, after "! ".
std::string data_text(std::uint16_t type, const DnsPacket& data) {
  const auto message = parse_dns_message(DnsReply(request_for("example.org")).answer(type, data).bytes());
  return message ? message->answers.at(0).data : "! " + message.error();
}

std::string name_error(const std::string& name) {
  const auto encoded = encode_dns_name(name);
  return encoded ? "" : encoded.error();
}

// `count` labels of `length` octets.
std::string labels(std::size_t count, std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ".") + std::string(length, 'a');
  return out;
}

}  // namespace

TEST_CASE("record types by name and by number") {
  CHECK(*parse_dns_type("A") == 1);
  CHECK(*parse_dns_type("aaaa") == 28);
  CHECK(*parse_dns_type("HTTPS") == 65);
  CHECK(*parse_dns_type("65") == 65);
  CHECK(*parse_dns_type("type65") == 65);
  CHECK(*parse_dns_type("TYPE65535") == 65535);
  for (const char* bad : {"", "AX", "0", "65536", "TYPE", "TYPE0", "-1", "1 ", "A "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_dns_type(bad).ok());
  }
  CHECK(parse_dns_type("AX").error().starts_with("\"AX\" is no record type (try A, AAAA, SOA, NS"));
  CHECK(dns_type_name(15) == "MX");
  CHECK(dns_type_name(4711) == "TYPE4711");
}

TEST_CASE("response codes by name and by number") {
  CHECK(*parse_dns_rcode("noerror") == 0);
  CHECK(*parse_dns_rcode("NXDOMAIN") == 3);
  CHECK(*parse_dns_rcode("15") == 15);
  CHECK_FALSE(parse_dns_rcode("16").ok());
  CHECK_FALSE(parse_dns_rcode("MAYBE").ok());
  CHECK(dns_rcode_name(5) == "REFUSED");
  CHECK(dns_rcode_name(12) == "RCODE12");
}

TEST_CASE("names") {
  CHECK(*encode_dns_name(".") == DnsPacket{0});
  CHECK(*encode_dns_name("a.b") == DnsPacket{1, 'a', 1, 'b', 0});
  CHECK(*encode_dns_name("a.b.") == *encode_dns_name("a.b"));
  CHECK(*encode_dns_name(R"(a\.b)") == DnsPacket{3, 'a', '.', 'b', 0});
  CHECK(*encode_dns_name(R"(\000\255)") == DnsPacket{2, 0, 255, 0});
  CHECK(encode_dns_name("_sip._udp.example.onion").ok());

  CHECK(encode_dns_name(labels(1, 63)).ok());
  CHECK(name_error(labels(1, 64)).ends_with("it has a label of 64 octets, 63 is the most"));
  const auto longest = labels(3, 63) + "." + labels(1, 61);
  CHECK(longest.size() == 253);
  CHECK(encode_dns_name(longest).ok());
  CHECK(encode_dns_name(longest + ".").ok());
  CHECK(name_error(longest + "a").ends_with("it is 254 octets long, 253 is the most"));
  CHECK(name_error(labels(200, 1)).ends_with("it is 399 octets long, 253 is the most"));
  CHECK(name_error("").ends_with("it is empty (the root is \".\")"));
  CHECK(name_error("a..b").ends_with("it has an empty label"));
  CHECK(name_error(".a").ends_with("it has an empty label"));
  CHECK(name_error("..").ends_with("it has an empty label"));
  CHECK(name_error("a b").ends_with("it has a space or a control character"));
  CHECK(name_error("m\xc3\xbcller.example").ends_with("it is not in ASCII (try its xn-- form)"));
  for (const char* bad : {R"(a\)", R"(a\25)", R"(a\256)", R"(a\2x5)"}) {
    CHECK(name_error(bad).ends_with("a backslash starts neither \\. nor \\DDD"));
  }
}

TEST_CASE("records as text") {
  const DnsPacket to_question = {0xc0, 0x0c};
  const auto with = [](DnsPacket front, const DnsPacket& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
  };
  CHECK(data_text(1, {192, 0, 2, 1}) == "192.0.2.1");
  CHECK(data_text(28, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}) == "2001:db8::1");
  CHECK(data_text(2, to_question) == "example.org.");
  CHECK(data_text(5, {3, 'a', '.', ' ', 0xc0, 0x0c}) == R"(a\.\ .example.org.)");
  CHECK(data_text(5, {0}) == ".");
  CHECK(data_text(12, {2, 0, 0xff, 0}) == R"(\000\255.)");
  CHECK(data_text(15, with({0, 10}, to_question)) == "10 example.org.");
  CHECK(data_text(16, {2, 'a', '"', 0, 1, 'b'}) == R"("a\"" "" "b")");
  CHECK(data_text(33, with({0, 1, 0, 2, 0, 53}, to_question)) == "1 2 53 example.org.");
  CHECK(data_text(6, with(with(to_question, {1, 'h', 0xc0, 0x0c}),
                          {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff})) ==
        "example.org. h.example.org. 1 2 3 4 4294967295");
  CHECK(data_text(257, {0, 5, 'i', 's', 's', 'u', 'e', 'c', 'a'}) == R"(0 issue "ca")");
  CHECK(data_text(35, {0, 1, 0, 2, 1, 'u', 0, 1, 'r', 0}) == R"(1 2 "u" "" "r" .)");
  CHECK(data_text(4711, {0xab, 0x01}) == R"(\# 2 ab01)");
  CHECK(data_text(4711, {}) == R"(\# 0)");
  for (const auto& bad : {std::pair<std::uint16_t, DnsPacket>{1, {1, 2, 3}},
                          {1, {1, 2, 3, 4, 5}},
                          {1, {}},
                          {5, {}},
                          {5, {0, 0}},
                          {5, {0x40, 0}},
                          {5, {0xc0}},
                          {5, {5, 'a'}},
                          {15, {0, 10}},
                          {16, {}},
                          {16, {3, 'a'}},
                          {6, {0, 0}}}) {
    CAPTURE(bad.first);
    CAPTURE(bad.second.size());
    CHECK(data_text(bad.first, bad.second) ==
          "! answer record 1 of 1: its data are no " + dns_type_name(bad.first) + " record");
  }
}

TEST_CASE("names that point forward, in a circle, or on for too long end the reading") {
  const auto request = request_for("example.org");
  // The record starts behind the header (12) and the question (17), its data 12 further on.
  CHECK(data_text(5, {0xc0, 29 + 12}).starts_with("! "));
  CHECK(data_text(5, {1, 'a', 0xc0, 29 + 12}).starts_with("! "));
  CHECK(data_text(5, {0xc0, 29 + 20}).starts_with("! "));
  CHECK(data_text(5, {0xc0, 0}).starts_with("! "));
  // Each of these is 64 octets longer than the one it points to.
  DnsReply reply(request);
  std::size_t target = 12;
  std::size_t names = 0;
  while (parse_dns_message(reply.bytes()) && names < 10) {
    DnsPacket data(64, 'a');
    data[0] = 63;
    data.push_back(static_cast<std::uint8_t>(0xc0U | target >> 8U));
    data.push_back(static_cast<std::uint8_t>(target & 255U));
    target = reply.bytes().size() + 12;
    reply.answer(5, data);
    ++names;
  }
  CHECK(names == 4);
}

TEST_CASE("counts that lie, in every section") {
  const auto request = request_for("example.org");
  for (const std::size_t section : {4U, 6U, 8U, 10U}) {
    CAPTURE(section);
    auto bytes = DnsReply(request).bytes();
    bytes[section] = 0xff;
    CHECK_FALSE(parse_dns_message(bytes).ok());
    bytes[2] |= 0x02;  // truncated: anything may be missing
    CHECK(parse_dns_message(bytes).ok());
  }
  const auto whole = DnsReply(request).a("192.0.2.1").bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(parse_dns_message(std::span(whole).first(size)).ok());
  }
  CHECK(parse_dns_message(whole)->answers.at(0).ttl == 60);
}

TEST_CASE("what fits a query") {
  const auto request = request_for("www.example.org");
  const auto& query = request.bytes;
  const auto reply = DnsReply(request).a("192.0.2.1").bytes();
  const auto fit = [&](const DnsPacket& packet) { return dns_fit(query, packet); };
  const auto changed = [&](std::size_t at, std::uint8_t octet) {
    auto out = reply;
    out[at] = octet;
    return out;
  };
  CHECK(fit(reply) == DnsFit::ours);
  CHECK(fit(changed(13, 'W')) == DnsFit::ours);
  CHECK(fit(changed(1, 0x35)) == DnsFit::other);
  CHECK(fit(changed(13, 'x')) == DnsFit::other);
  CHECK(fit(changed(query.size() - 3, 28)) == DnsFit::other);
  CHECK(fit(changed(query.size() - 1, 3)) == DnsFit::other);
  CHECK(fit(changed(5, 2)) == DnsFit::other);
  CHECK(fit({}) == DnsFit::other);
  CHECK(fit({0x12}) == DnsFit::other);
  CHECK(fit({0x12, 0x34}) == DnsFit::bare);
  CHECK(fit(changed(5, 0)) == DnsFit::bare);
  CHECK(fit(changed(12, 0xc0)) == DnsFit::bare);
  CHECK(fit({reply.begin(), reply.begin() + 20}) == DnsFit::bare);
}

TEST_CASE("a pass that nobody reads has no detail, a failure has one") {
  const auto request = request_for("example.org", 1);
  const auto packet = DnsReply(request).answer(1, {192, 0, 2, 1}).bytes();
  DnsExpectations expected;
  CHECK(judge_dns_reply(packet, expected).detail == "NOERROR, 1 A record");
  CHECK(judge_dns_reply(packet, expected, false).verdict == Verdict::pass);
  CHECK(judge_dns_reply(packet, expected, false).detail.empty());
  expected.min_answers = 2;
  CHECK(judge_dns_reply(packet, expected, false).reason == "too_few_answers");
  CHECK(judge_dns_reply(packet, expected, false).detail == judge_dns_reply(packet, expected).detail);
}

TEST_CASE("expectations are met by text but for case and the last dot") {
  const auto request = request_for("example.org", 15);
  const auto message =
      *parse_dns_message(DnsReply(request).answer(15, {0, 10, 4, 'M', 'a', 'i', 'l', 0xc0, 0x0c}).bytes());
  DnsExpectations expected;
  expected.type = 15;
  for (const char* text : {"10 mail.example.org", "10 Mail.example.org.", "10 MAIL.EXAMPLE.ORG."}) {
    expected.values = {{text, std::nullopt}};
    CHECK(judge_dns_message(message, expected).verdict == Verdict::pass);
  }
  for (const char* text : {"mail.example.org", "20 mail.example.org", ""}) {
    expected.values = {{text, std::nullopt}};
    CHECK(judge_dns_message(message, expected).reason == "wrong_answer");
  }
  expected.values.clear();
  expected.type = dns_type::kAny;
  CHECK(judge_dns_message(message, expected).verdict == Verdict::pass);
}

TEST_CASE("failures of system calls") {
  const auto judged = [](int error, bool local) {
    const auto result = judge_failure("call", error, local);
    return std::pair(result.verdict, std::string(result.reason));
  };
  const std::pair ours(Verdict::local_error, std::string("local_error"));
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, ENETUNREACH, EPERM, EACCES, ENODEV,
                          EAGAIN, EINVAL, ETIMEDOUT}) {
    CAPTURE(error);
    CHECK(judged(error, true) == ours);
  }
  CHECK(judged(ENOMEM, false) == ours);
  CHECK(judged(EPERM, false) == ours);
  CHECK(judged(ECONNREFUSED, true).second == "refused");
  CHECK(judged(EHOSTUNREACH, true).second == "unreachable");
  CHECK(judged(ENETUNREACH, false).second == "unreachable");
  CHECK(judged(ECONNRESET, false).second == "reset");
  CHECK(judged(EPIPE, false).second == "reset");
  CHECK(judged(0, false).second == "closed");
}
