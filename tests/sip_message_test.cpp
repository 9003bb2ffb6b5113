// SIP messages, with what RFC 3261 allows and RFC 4475 says is torture.
#include "probes/sip_message.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace anyprobe;

namespace {

const SipTransaction kOurs{"z9hG4bKours", "call@example", "mine", 7};

const std::string kGood =
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKours;rport=5062;received=192.0.2.1\r\n"
    "From: <sip:anyprobe@example.org>;tag=mine\r\n"
    "To: <sip:example.org>;tag=theirs\r\n"
    "Call-ID: call@example\r\n"
    "CSeq: 7 OPTIONS\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

// The good response with one piece of it replaced.
std::string with(const std::string& what, const std::string& by) {
  auto out = kGood;
  const auto at = out.find(what);
  REQUIRE(at != std::string::npos);
  return out.replace(at, what.size(), by);
}

std::string error_of(const std::string& message) {
  const auto response = parse_sip_response(message);
  return response ? "" : response.error();
}

bool is_ours(const std::string& message) {
  const auto response = parse_sip_response(message);
  return response && answers(*response, kOurs);
}

bool is_foreign(const std::string& message) {
  const auto response = parse_sip_response(message);
  return response && !answers(*response, kOurs);
}

const std::string kVia = "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKours;rport=5062;received=192.0.2.1";

std::vector<std::string> taken_apart(const std::string& stream, std::size_t piece, SipStream::Next& last) {
  SipStream reader;
  std::vector<std::string> out;
  last = SipStream::Next::incomplete;
  for (std::size_t size = piece; last != SipStream::Next::malformed; size += piece) {
    std::string_view message;
    const auto all = std::string_view(stream).substr(0, size);
    while ((last = reader.next(all, message)) == SipStream::Next::message) out.emplace_back(message);
    if (size >= stream.size()) break;
  }
  return out;
}

}  // namespace

TEST_CASE("a request has every header that a request needs") {
  const SipQuestion question{"sip:example.org:5070", "example.org", "anyprobe",
                             *SocketAddress::parse("192.0.2.53", 5060), false};
  const auto text = encode_sip_options(question, kOurs, *SocketAddress::parse("192.0.2.1:40000", 0));
  const auto agent =
      text.substr(text.find("User-Agent: "), text.find("Content-Length") - text.find("User-Agent: "));
  CHECK(agent.starts_with("User-Agent: anyprobe/"));
  CHECK(text ==
        "OPTIONS sip:example.org:5070 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bKours;rport\r\n"
        "Max-Forwards: 70\r\n"
        "Route: <sip:192.0.2.53:5060;lr>\r\n"
        "From: <sip:anyprobe@example.org>;tag=mine\r\n"
        "To: <sip:example.org>\r\n"
        "Call-ID: call@example\r\n"
        "CSeq: 7 OPTIONS\r\n"
        "Contact: <sip:anyprobe@192.0.2.1:40000>\r\n"
        "Accept: application/sdp\r\n" +
            agent +
            "Content-Length: 0\r\n"
            "\r\n");
}

TEST_CASE("a request over TCP says so, and IPv6 addresses stand in brackets") {
  const SipQuestion question{"sip:[2001:db8::5]:5060", "[2001:db8::5]", "anyprobe",
                             *SocketAddress::parse("[2001:db8::5]:5060", 0), true};
  const auto text = encode_sip_options(question, kOurs, *SocketAddress::parse("[2001:db8::1]:40000", 0));
  for (const std::string line :
       {"Via: SIP/2.0/TCP [2001:db8::1];branch=z9hG4bKours;rport\r\n", "To: <sip:[2001:db8::5]>\r\n",
        "Route: <sip:[2001:db8::5]:5060;transport=tcp;lr>\r\n",
        "Contact: <sip:anyprobe@[2001:db8::1];transport=tcp>\r\n"}) {
    CAPTURE(line);
    CHECK(text.find("\r\n" + line) != std::string::npos);
  }
}

TEST_CASE("a response is read") {
  const auto response = parse_sip_response(kGood);
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->reason == "OK");
  CHECK(response->branch == "z9hG4bKours");
  CHECK(response->one_via);
  CHECK(response->call_id == "call@example");
  CHECK(response->tag == "mine");
  CHECK(response->sequence == 7);
  CHECK(response->method == "OPTIONS");
  CHECK(answers(*response, kOurs));
}

TEST_CASE("a status line may lack its phrase, and may have a strange one") {
  for (const std::string line : {"SIP/2.0 200", "SIP/2.0 200 ", "sip/2.0 200 Fine"})
    CHECK(is_ours(with("SIP/2.0 200 OK", line)));
  const auto russian =
      parse_sip_response(with("OK", "= 2**3 * 5**2 \xd0\xbd\xd0\xbe"));  // RFC 4475 section 3.1.1.12
  REQUIRE(russian.ok());
  CHECK(russian->reason == "= 2**3 * 5**2 \xd0\xbd\xd0\xbe");
  for (const std::string line :
       {"SIP/3.0 200 OK", "SIP/2.0  200 OK", "SIP/2.0 99 OK", "SIP/2.0 099 OK", "SIP/2.0 700 OK",
        "SIP/2.0 2000 OK", "SIP/2.0 4294967301 better not break the receiver", "SIP/2.0 2x0 OK",
        "SIP/2.0 +20 OK", "SIP/2.0200 OK", "SIP/2.0", "HTTP/1.1 200 OK",
        "OPTIONS sip:example.org SIP/2.0"}) {  // the large one: RFC 4475 section 3.1.2.19
    CAPTURE(line);
    CHECK(error_of(with("SIP/2.0 200 OK", line)) == "no status line");
  }
}

TEST_CASE("names are of any case, compact, and folded; spaces stand where they may") {
  const std::string tortured =
      "SIP/2.0 200 OK\r\n"
      "v  : SIP  / 2.0\r\n"
      " /UDP\r\n"
      "\t192.0.2.1 : 5062 ;\r\n"
      "   branch  =  z9hG4bKours ;rport = 5062; received=192.0.2.1 ; hidden\r\n"
      "NewFangledHeader:   newfangled value\r\n"
      "  continued newfangled value\r\n"
      "UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
      "no header at all\r\n"
      "  and how it goes on\r\n"
      "TO :\r\n"
      " sip:example.org ;   tag    = 1918181833n\r\n"
      "f: \"J Rosenberg \\\\\\\"<;>\"       <sip:anyprobe@example.org;lr>\r\n"
      "  ;\r\n"
      "  Tag = mine\r\n"
      "i: call@example\r\n"
      "cSEQ: 0007\r\n"
      "  OPTIONS\r\n"
      "s: \r\n"
      "l: 0\r\n"
      "\r\n";  // by the rules that RFC 4475 section 3.1.1.1 tries
  CHECK(error_of(tortured) == "");
  CHECK(is_ours(tortured));
}

TEST_CASE("line ends before a message are no part of it, a body is, and what follows a datagram's is not") {
  CHECK(is_ours("\r\n\r\n" + kGood));
  const auto body = with("Content-Length: 0", "Content-Length: 5");
  CHECK(is_ours(body + "hello"));
  CHECK(is_ours(body + "hello and more"));
  CHECK(error_of(body + "hell") == "cut short");
  CHECK(is_ours(with("Content-Length: 0\r\n", "") + "anything"));
}

TEST_CASE("a response to another request is not ours") {
  CHECK(is_foreign(with("z9hG4bKours", "z9hG4bKtheirs")));
  CHECK(is_foreign(with("z9hG4bKours", "z9hG4bKour")));
  CHECK(is_foreign(with(";branch=z9hG4bKours", "")));
  CHECK(is_foreign(with(";branch=z9hG4bKours", ";xbranch=z9hG4bKours")));
  CHECK(is_foreign(with("call@example", "CALL@example")));
  CHECK(is_foreign(with("tag=mine", "tag=other")));
  CHECK(is_foreign(with(";tag=mine", "")));
  CHECK(is_foreign(with("sip:anyprobe@example.org>;tag=mine", "sip:anyprobe@example.org;tag=mine>")));
  CHECK(is_foreign(with("7 OPTIONS", "8 OPTIONS")));
  CHECK(is_foreign(with("7 OPTIONS", "7 INVITE")));
  CHECK(is_foreign(with("7 OPTIONS", "7 options")));
}

TEST_CASE("a response with more Vias than the request had is not ours") {
  CHECK(is_foreign(with(kVia, kVia + ", SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnext")));
  CHECK(is_foreign(with("Via: " + kVia, "Via: " + kVia + "\r\nv: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnext")));
  CHECK(is_foreign(with(kVia, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnext, " + kVia)));
  CHECK(is_ours(with(kVia, kVia + ";quoted=\"a, b; c \\\" d\"")));
}

TEST_CASE("where the tag of From stands depends on the brackets") {
  for (const std::string from :
       {"sip:anyprobe@example.org;tag=mine", "sip:anyprobe@example.org ; x=y ; tag=mine",
        "Any Probe <sip:anyprobe@example.org;tag=uri>;tag=mine", "\"a;tag=no\" <sip:a@example.org>;tag=mine",
        "<sip:a@example.org>;x=\"tag=no;tag=no\";tag=mine"}) {
    CAPTURE(from);
    CHECK(is_ours(with("<sip:anyprobe@example.org>;tag=mine", from)));
  }
  for (const std::string from :
       {"\"open <sip:a@example.org>;tag=mine", "<sip:a@example.org;tag=mine",
        "<sip:a@example.org>;tag=mine;tag=mine", "<sip:a@example.org>;tag=mine, <sip:b@example.org>;tag=mine",
        "<sip:a@example.org>;=mine", "<sip:a@example.org>;tag=", "<sip:a@example.org>;x=\"open;tag=mine"}) {
    CAPTURE(from);
    CHECK(error_of(with("<sip:anyprobe@example.org>;tag=mine", from)) == "not one From, or a malformed one");
  }
}

TEST_CASE("what is needed must be there, once, and whole") {
  const auto without = [](const std::string& line) { return with(line + "\r\n", ""); };
  const auto twice = [](const std::string& line) { return with(line, line + "\r\n" + line); };
  const std::string from = "From: <sip:anyprobe@example.org>;tag=mine";
  CHECK(error_of(without("Via: " + kVia)) == "no Via, or a malformed one");
  CHECK(error_of(without("Call-ID: call@example")) == "not one Call-ID");
  CHECK(error_of(twice("Call-ID: call@example")) == "not one Call-ID");
  CHECK(error_of(with("Call-ID: call@example", "Call-ID: ")) == "not one Call-ID");
  CHECK(error_of(with("Call-ID: call@example", "Call-ID: call@example\r\ni: another")) == "not one Call-ID");
  CHECK(error_of(without(from)) == "not one From, or a malformed one");
  CHECK(error_of(twice(from)) == "not one From, or a malformed one");
  CHECK(error_of(without("CSeq: 7 OPTIONS")) == "not one CSeq, or a malformed one");
  CHECK(error_of(twice("CSeq: 7 OPTIONS")) == "not one CSeq, or a malformed one");
  CHECK(is_ours(without("To: <sip:example.org>;tag=theirs")));
  for (const std::string value :
       {"7", "OPTIONS 7", "", "4294967296 OPTIONS", "-7 OPTIONS", "7 OPTIONS more"}) {
    CAPTURE(value);
    CHECK(error_of(with("7 OPTIONS", value)) == "not one CSeq, or a malformed one");
  }
  for (const std::string value : {"-999", "zero", "", "4294967296", "0\r\nContent-Length: 0", "0\r\nl: 3"}) {
    CAPTURE(value);
    CHECK(error_of(with("Content-Length: 0", "Content-Length: " + value)) == "a malformed Content-Length");
  }
  for (const std::string value :
       {"", "SIP", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ;branch=z9hG4bKours",
        "SIP/1.0/UDP 192.0.2.1;branch=z9hG4bKours", "HTTP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1;",
        "SIP/2.0/UDP 192.0.2.1;branch=", "SIP/2.0/UDP 192.0.2.1;branch=\"open",
        "SIP/2.0/UDP 192.0.2.1;branch=a b", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours;branch=z9hG4bKours"}) {
    CAPTURE(value);
    CHECK(error_of(with(kVia, value)) == "no Via, or a malformed one");
  }
}

TEST_CASE("what has no head is no message") {
  for (const std::string message :
       {"", "\r\n\r\n", "SIP/2.0 200 OK", "SIP/2.0 200 OK\r\n", "\n\n", "jaK\r\n"}) {
    CAPTURE(message);
    CHECK(error_of(message) == "no head of a message");
  }
  CHECK(error_of(with("Call-ID", "Subject: a\nb\r\nCall-ID")) == "no head of a message");
  CHECK(error_of(with("Call-ID", "Subject: a\rb\r\nCall-ID")) == "no head of a message");
  CHECK(is_ours(with("Call-ID", std::string("Subject: nul \0 \xff\r\nCall-ID", 25))));
}

TEST_CASE("a stream is taken apart by Content-Length, in pieces of any size") {
  const auto body = with("Content-Length: 0", "Content-Length: 8") + "\r\n\r\nSIP/";
  const auto bare = with("Content-Length: 0\r\n", "");
  const std::string request = "OPTIONS sip:192.0.2.1 SIP/2.0\r\nl: 3\r\n\r\nabc";
  const auto stream = "\r\n\r\n" + kGood + body + "\r\n" + request + bare + "\r\n\r\n\r\n" + kGood + "SIP/2";
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, stream.size()}) {
    CAPTURE(piece);
    auto last = SipStream::Next::message;
    const auto messages = taken_apart(stream, piece, last);
    CHECK(last == SipStream::Next::incomplete);
    REQUIRE(messages.size() == 5);
    CHECK(messages[0] == kGood);
    CHECK(messages[1] == body);
    CHECK(messages[2] == request);
    CHECK(messages[3] == bare);
    CHECK(messages[4] == kGood);
  }
}

TEST_CASE("a stream whose messages cannot be told apart is malformed, one that lies of its length waits") {
  for (const std::string length : {"-1", "many", "1\r\nContent-Length: 2", "99999999999999999999"}) {
    CAPTURE(length);
    auto last = SipStream::Next::message;
    const auto messages =
        taken_apart(kGood + with("Content-Length: 0", "Content-Length: " + length), 11, last);
    CHECK(messages.size() == 1);
    CHECK(last == SipStream::Next::malformed);
  }
  auto last = SipStream::Next::message;
  CHECK(taken_apart(with("Content-Length: 0", "Content-Length: 4294967295") + kGood, 50, last).empty());
  CHECK(last == SipStream::Next::incomplete);
  CHECK(taken_apart("220 mail.example.org ready\r\n", 5, last).empty());
  CHECK(last == SipStream::Next::incomplete);
}
