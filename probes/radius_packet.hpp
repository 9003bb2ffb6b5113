// RADIUS packets of Status-Server (RFC 5997) and of what answers it. Pure: no I/O, no random numbers.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anyprobe {

namespace radius_code {
inline constexpr std::uint8_t kAccessAccept = 2;
inline constexpr std::uint8_t kAccountingResponse = 5;
inline constexpr std::uint8_t kStatusServer = 12;
}  // namespace radius_code

inline constexpr std::size_t kRadiusHeader = 20;  // code, identifier, length, authenticator
inline constexpr std::size_t kRadiusMost = 4096;
inline constexpr std::size_t kRadiusValueMost = 253;  // of an attribute

using RadiusAuthenticator = std::array<std::uint8_t, 16>;

// A Status-Server request, its Message-Authenticator first. The NAS-Identifier is left out where it is empty;
// it has at most kRadiusValueMost octets.
std::vector<std::uint8_t> encode_status_server(std::uint8_t identifier,
                                               const RadiusAuthenticator& request_authenticator,
                                               std::string_view nas_identifier, std::string_view secret);

// How a datagram fits a request.
enum class RadiusFit : std::uint8_t {
  ours,
  malformed,         // cut short, or no packet by RFC 2865 sections 3 and 5
  other_identifier,  // an answer to something else
  unverified,        // made with another secret, for another request, or changed on its way
};

struct RadiusReply {
  RadiusFit fit = RadiusFit::malformed;
  std::uint8_t code = 0;               // of one that is ours; any code there is
  bool message_authenticator = false;  // one that is ours has it
};

// The Response Authenticator (RFC 2865 section 3) must verify, and so must a Message-Authenticator (RFC 3579
// section 3.2) wherever it stands; both are compared in constant time. `request` is as it was sent. What
// follows the packet in its datagram is padding.
RadiusReply read_radius_reply(std::span<const std::uint8_t> datagram, std::span<const std::uint8_t> request,
                              std::string_view secret);

// "Access-Accept", or "code 77".
std::string name_radius_code(std::uint8_t code);

}  // namespace anyprobe
