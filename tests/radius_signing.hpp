// RADIUS answers signed by code of the tests' own, so that the probe's is not tested against itself.
#pragma once

#include <nettle/hmac.h>
#include <nettle/md5.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace anyprobe::test::radius {

using Octets = std::vector<std::uint8_t>;

inline constexpr std::size_t kRadiusHeaderSize = 20;
inline constexpr std::size_t kMd5Size = 16;

inline const std::uint8_t* raw(const std::string& text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

// What is digested has the request's authenticator where the response's will be.
inline void prepare(Octets& packet, const Octets& request) {
  packet[2] = static_cast<std::uint8_t>(packet.size() >> 8U);
  packet[3] = static_cast<std::uint8_t>(packet.size() & 0xffU);
  std::copy_n(request.begin() + 4, kMd5Size, packet.begin() + 4);
}

inline Octets from_hex(const std::string& hex) {
  Octets out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

inline Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Attributes to put into answers: a Reply-Message, and a Message-Authenticator that sign() fills in.
inline Octets reply_message(const std::string& text) {
  return Octets{18, static_cast<std::uint8_t>(2 + text.size())} + Octets(text.begin(), text.end());
}

inline Octets unsigned_message_authenticator() {
  return Octets{80, 18} + Octets(kMd5Size);
}

// Sets the length and the Response Authenticator, no more.
inline Octets sign_response(Octets packet, const Octets& request, const std::string& secret) {
  prepare(packet, request);
  md5_ctx context;
  md5_init(&context);
  md5_update(&context, packet.size(), packet.data());
  md5_update(&context, secret.size(), raw(secret));
  md5_digest(&context, kMd5Size, &packet[4]);
  return packet;
}

// Sets the length, fills in the first Message-Authenticator if there is one, then the Response Authenticator.
inline Octets sign(Octets packet, const Octets& request, const std::string& secret) {
  prepare(packet, request);
  for (std::size_t at = kRadiusHeaderSize; at + 1 < packet.size() && packet[at + 1] >= 2;
       at += packet[at + 1]) {
    if (packet[at] != 80 || packet[at + 1] != 18 || packet.size() - at < 18) continue;
    hmac_md5_ctx context;
    hmac_md5_set_key(&context, secret.size(), raw(secret));
    std::fill_n(packet.begin() + static_cast<std::ptrdiff_t>(at + 2), kMd5Size, std::uint8_t{0});
    hmac_md5_update(&context, packet.size(), packet.data());
    hmac_md5_digest(&context, kMd5Size, &packet[at + 2]);
    break;
  }
  return sign_response(std::move(packet), request, secret);
}

// An answer to the request.
inline Octets answer(const Octets& request, std::uint8_t code, const std::string& secret,
                     const Octets& attributes = {}) {
  return sign(Octets{code, request[1]} + Octets(kRadiusHeaderSize - 2) + attributes, request, secret);
}

}  // namespace anyprobe::test::radius
