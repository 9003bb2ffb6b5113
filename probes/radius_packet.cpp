#include "probes/radius_packet.hpp"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>

#include <algorithm>
#include <initializer_list>
#include <optional>

namespace anyprobe {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint8_t kNasIdentifier = 32;
constexpr std::uint8_t kMessageAuthenticator = 80;
constexpr std::size_t kAttributeHeader = 2;
constexpr std::size_t kAuthenticatorAt = 4;
constexpr std::size_t kDigest = MD5_DIGEST_SIZE;
constexpr RadiusAuthenticator kZeros{};

Octets octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

RadiusAuthenticator md5(std::initializer_list<Octets> parts) {
  RadiusAuthenticator out;
  md5_ctx context;
  md5_init(&context);
  for (const auto& part : parts) md5_update(&context, part.size(), part.data());
  md5_digest(&context, out.size(), out.data());
  return out;
}

RadiusAuthenticator hmac_md5(std::string_view secret, std::initializer_list<Octets> parts) {
  RadiusAuthenticator out;
  hmac_md5_ctx context;
  hmac_md5_set_key(&context, secret.size(), octets_of(secret).data());
  for (const auto& part : parts) hmac_md5_update(&context, part.size(), part.data());
  hmac_md5_digest(&context, out.size(), out.data());
  return out;
}

bool same(const RadiusAuthenticator& computed, Octets received) {
  return memeql_sec(computed.data(), received.data(), computed.size()) != 0;
}

void append_attribute(std::vector<std::uint8_t>& packet, std::uint8_t type, Octets value) {
  packet.push_back(type);
  packet.push_back(static_cast<std::uint8_t>(kAttributeHeader + value.size()));
  packet.insert(packet.end(), value.begin(), value.end());
}

struct Attributes {
  bool sound = false;
  std::size_t message_authenticator = 0;  // where its value begins in the packet; 0: there is none
};

Attributes walk(Octets packet) {
  Attributes out;
  for (std::size_t at = kRadiusHeader; at < packet.size();) {
    if (packet.size() - at < kAttributeHeader) return out;
    const std::size_t length = packet[at + 1];
    if (length < kAttributeHeader || length > packet.size() - at) return out;
    if (packet[at] == kMessageAuthenticator) {
      if (length != kAttributeHeader + kDigest || out.message_authenticator != 0) return out;
      out.message_authenticator = at + kAttributeHeader;
    }
    at += length;
  }
  out.sound = true;
  return out;
}

// The packet without what follows it in the datagram; none where it is cut short or too long.
std::optional<Octets> packet_in(Octets datagram) {
  if (datagram.size() < kRadiusHeader) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(datagram[2]) << 8U | datagram[3];
  if (length < kRadiusHeader || length > kRadiusMost || length > datagram.size()) return std::nullopt;
  return datagram.first(length);
}

}  // namespace

std::vector<std::uint8_t> encode_status_server(std::uint8_t identifier,
                                               const RadiusAuthenticator& request_authenticator,
                                               std::string_view nas_identifier, std::string_view secret) {
  std::vector<std::uint8_t> out(kRadiusHeader);
  out[0] = radius_code::kStatusServer;
  out[1] = identifier;
  std::copy(request_authenticator.begin(), request_authenticator.end(), out.begin() + kAuthenticatorAt);
  append_attribute(out, kMessageAuthenticator, kZeros);
  if (!nas_identifier.empty()) append_attribute(out, kNasIdentifier, octets_of(nas_identifier));
  out[2] = static_cast<std::uint8_t>(out.size() >> 8U);
  out[3] = static_cast<std::uint8_t>(out.size() & 0xffU);
  const auto digest = hmac_md5(secret, {out});
  std::copy(digest.begin(), digest.end(), out.begin() + kRadiusHeader + kAttributeHeader);
  return out;
}

RadiusReply read_radius_reply(Octets datagram, Octets request, std::string_view secret) {
  const auto packet = packet_in(datagram);
  if (!packet) return {RadiusFit::malformed};
  const auto attributes = walk(*packet);
  if (!attributes.sound) return {RadiusFit::malformed};
  if ((*packet)[1] != request[1]) return {RadiusFit::other_identifier};

  const auto start = packet->first(kAuthenticatorAt);
  const auto asked = request.subspan(kAuthenticatorAt, kDigest);
  const auto response_authenticator = packet->subspan(kAuthenticatorAt, kDigest);
  const auto expected = md5({start, asked, packet->subspan(kRadiusHeader), octets_of(secret)});
  if (!same(expected, response_authenticator)) return {RadiusFit::unverified};

  const auto at = attributes.message_authenticator;
  if (at != 0) {
    const auto before = packet->subspan(kRadiusHeader, at - kRadiusHeader);
    const auto digest = hmac_md5(secret, {start, asked, before, kZeros, packet->subspan(at + kDigest)});
    if (!same(digest, packet->subspan(at, kDigest))) return {RadiusFit::unverified};
  }
  return {RadiusFit::ours, packet->front(), at != 0};
}

std::string name_radius_code(std::uint8_t code) {
  constexpr std::uint8_t kAccessReject = 3;
  constexpr std::uint8_t kAccessChallenge = 11;
  constexpr std::uint8_t kProtocolError = 52;  // RFC 7930
  switch (code) {
    case radius_code::kAccessAccept:
      return "Access-Accept";
    case kAccessReject:
      return "Access-Reject";
    case radius_code::kAccountingResponse:
      return "Accounting-Response";
    case kAccessChallenge:
      return "Access-Challenge";
    case radius_code::kStatusServer:
      return "Status-Server";
    case kProtocolError:
      return "Protocol-Error";
    default:
      return "code " + std::to_string(code);
  }
}

}  // namespace anyprobe
