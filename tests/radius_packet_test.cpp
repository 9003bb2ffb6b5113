#include "probes/radius_packet.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "radius_signing.hpp"

using namespace anyprobe;
using namespace anyprobe::test::radius;

namespace {

const std::string kSecret = "xyzzy5461";

// RFC 5997 sections 6.1 and 6.2. The code of the second answer is misprinted there: its authenticator and the
// text say 5.
const Octets kAuthRequest =
    from_hex("0cda00268a54f4686fb394c52866e302185d062350125a665e2e1e8411f3e243822097c84fa3");
const Octets kAuthReply = from_hex("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66");
const Octets kAcctRequest =
    from_hex("0cb30026925f6b66dd5fed571fcb1db7ad3882605012e8d6eabda910875cd91fdade26367858");
const Octets kAcctReply = from_hex("05b300140f6f92145f107e2f504e860a4860669c");

RadiusAuthenticator authenticator_of(const Octets& packet) {
  RadiusAuthenticator out;
  std::copy_n(packet.begin() + 4, out.size(), out.begin());
  return out;
}

RadiusReply read(const Octets& datagram) {
  return read_radius_reply(datagram, kAuthRequest, kSecret);
}

RadiusFit fit(const Octets& datagram) {
  return read(datagram).fit;
}

Octets signed_answer(const Octets& attributes) {
  return answer(kAuthRequest, 2, kSecret, attributes);
}

}  // namespace

TEST_CASE("a request is that of RFC 5997, section 6") {
  CHECK(encode_status_server(0xda, authenticator_of(kAuthRequest), "", kSecret) == kAuthRequest);
  CHECK(encode_status_server(0xb3, authenticator_of(kAcctRequest), "", kSecret) == kAcctRequest);
}

TEST_CASE("an answer is that of RFC 5997, section 6") {
  const auto auth = read(kAuthReply);
  CHECK(auth.fit == RadiusFit::ours);
  CHECK(auth.code == radius_code::kAccessAccept);
  CHECK_FALSE(auth.message_authenticator);
  const auto acct = read_radius_reply(kAcctReply, kAcctRequest, kSecret);
  CHECK(acct.fit == RadiusFit::ours);
  CHECK(acct.code == radius_code::kAccountingResponse);
  // The tests' own signature agrees with the RFC, too.
  CHECK(answer(kAuthRequest, 2, kSecret) == kAuthReply);
  CHECK(answer(kAcctRequest, 5, kSecret) == kAcctReply);
}

TEST_CASE("the NAS-Identifier follows the Message-Authenticator") {
  for (const std::size_t length : {1U, 9U, 253U}) {
    CAPTURE(length);
    const std::string name(length, 'n');
    const auto packet = encode_status_server(7, {}, name, kSecret);
    REQUIRE(packet.size() == 20 + 18 + 2 + length);
    CHECK((packet[2] * 256U + packet[3]) == packet.size());
    CHECK(packet[20] == 80);
    CHECK(packet[21] == 18);
    CHECK(packet[38] == 32);
    CHECK(packet[39] == 2 + length);
    CHECK(std::equal(name.begin(), name.end(), packet.begin() + 40));
    // Signed over the whole: made by other code, it is the same.
    auto again = packet;
    std::fill_n(again.begin() + 22, 16, std::uint8_t{0});
    again = sign(again, packet, kSecret);
    CHECK(std::equal(again.begin() + 22, again.end(), packet.begin() + 22));
  }
}

TEST_CASE("a Message-Authenticator is verified wherever it stands") {
  const auto before = reply_message("up"), after = reply_message("since Monday");
  const auto authenticator = unsigned_message_authenticator();
  for (const auto& attributes :
       {authenticator, authenticator + after, before + authenticator, before + authenticator + after}) {
    const auto good = signed_answer(attributes);
    const auto reply = read(good);
    CHECK(reply.fit == RadiusFit::ours);
    CHECK(reply.message_authenticator);
  }
}

TEST_CASE("a wrong Message-Authenticator below a right Response Authenticator is refused") {
  const auto wrong = Octets{80, 18} + Octets(16, 0x5a);
  for (const auto& attributes : {wrong, reply_message("x") + wrong + reply_message("y")}) {
    const auto packet = Octets{2, kAuthRequest[1]} + Octets(18) + attributes;
    CHECK(fit(sign_response(packet, kAuthRequest, kSecret)) == RadiusFit::unverified);
  }
}

TEST_CASE("another secret, another request and every changed octet are noticed") {
  CHECK(fit(answer(kAuthRequest, 2, "xyzzy5462")) == RadiusFit::unverified);
  CHECK(fit(answer(kAuthRequest, 2, kSecret + "x")) == RadiusFit::unverified);
  auto other = kAuthRequest;
  other[4] ^= 1;
  CHECK(fit(answer(other, 2, kSecret)) == RadiusFit::unverified);
  CHECK(fit(kAuthRequest) == RadiusFit::unverified);  // reflected
  const auto good = signed_answer(reply_message("up") + unsigned_message_authenticator());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CAPTURE(i);
    auto changed = good;
    changed[i] ^= 1;
    CHECK(fit(changed) != RadiusFit::ours);
  }
}

TEST_CASE("an answer to something else") {
  auto late = kAuthRequest;
  ++late[1];
  CHECK(fit(answer(late, 2, kSecret)) == RadiusFit::other_identifier);
}

TEST_CASE("lengths, RFC 2865 section 3") {
  CHECK(fit({}) == RadiusFit::malformed);
  for (std::size_t size = 1; size < kAuthReply.size(); ++size) {
    CHECK(fit(Octets(kAuthReply.begin(), kAuthReply.begin() + static_cast<std::ptrdiff_t>(size))) ==
          RadiusFit::malformed);
  }
  CHECK(fit(kAuthReply + Octets{0}) == RadiusFit::ours);  // padding
  CHECK(fit(kAuthReply + Octets(5000, 0xff)) == RadiusFit::ours);
  auto cut = signed_answer(reply_message("up"));
  cut.pop_back();
  CHECK(fit(cut) == RadiusFit::malformed);
  auto below = kAuthReply;
  below[3] = 19;
  CHECK(fit(below) == RadiusFit::malformed);

  Octets most;
  while (most.size() + 253 <= 4096 - 20) most = most + reply_message(std::string(251, 'x'));
  const auto left = 4096 - 20 - most.size();
  CHECK(fit(signed_answer(most + reply_message(std::string(left - 2, 'x')))) == RadiusFit::ours);
  CHECK(fit(signed_answer(most + reply_message(std::string(left - 1, 'x')))) == RadiusFit::malformed);
}

TEST_CASE("attributes, RFC 2865 section 5") {
  CHECK(fit(signed_answer({18, 2})) == RadiusFit::ours);
  for (const auto& attributes : {Octets{18}, Octets{18, 0}, Octets{18, 1}, Octets{18, 3}, Octets{18, 255},
                                 reply_message("up") + Octets{18, 4, 0}}) {
    CHECK(fit(signed_answer(attributes)) == RadiusFit::malformed);
  }
}

TEST_CASE("a Message-Authenticator of another length, or a second one, is malformed") {
  const auto good = unsigned_message_authenticator();
  CHECK(fit(signed_answer(Octets{80, 17} + Octets(15))) == RadiusFit::malformed);
  CHECK(fit(signed_answer(Octets{80, 19} + Octets(17))) == RadiusFit::malformed);
  CHECK(fit(signed_answer(Octets{80, 2})) == RadiusFit::malformed);
  CHECK(fit(signed_answer(good + good)) == RadiusFit::malformed);
  CHECK(fit(signed_answer(good + reply_message("up") + good)) == RadiusFit::malformed);
}

TEST_CASE("codes have names") {
  CHECK(name_radius_code(2) == "Access-Accept");
  CHECK(name_radius_code(3) == "Access-Reject");
  CHECK(name_radius_code(5) == "Accounting-Response");
  CHECK(name_radius_code(11) == "Access-Challenge");
  CHECK(name_radius_code(12) == "Status-Server");
  CHECK(name_radius_code(52) == "Protocol-Error");
  CHECK(name_radius_code(0) == "code 0");
  CHECK(name_radius_code(255) == "code 255");
}
