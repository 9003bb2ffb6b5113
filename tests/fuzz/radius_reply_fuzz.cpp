// What a RADIUS server may send: whatever it is, it is read within its bounds, and only what is signed
// counts. The first octet says what is mended before it is read, so that the fuzzer gets past the signatures.
#include <cstdlib>
#include <vector>

#include "probes/radius_packet.hpp"
#include "tests/radius_signing.hpp"

namespace {

using anyprobe::RadiusFit;
using anyprobe::test::radius::Octets;

constexpr const char* kSecret = "xyzzy5461";

const Octets& request() {
  static const Octets packet = anyprobe::encode_status_server(0xda, {1, 2, 3}, "fuzz", kSecret);
  return packet;
}

// Read from memory of its very size, so that one octet too far is noticed.
anyprobe::RadiusReply read(const Octets& datagram) {
  const std::vector<std::uint8_t> exact(datagram.begin(), datagram.end());
  return anyprobe::read_radius_reply(exact, request(), kSecret);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned mend = *data;
  Octets packet(data + 1, data + size);
  if (packet.size() >= 20 && (mend & 1U) != 0) packet[1] = request()[1];
  if (packet.size() >= 20 && (mend & 2U) != 0)
    packet = anyprobe::test::radius::sign_response(packet, request(), kSecret);
  if (packet.size() >= 20 && (mend & 4U) != 0)
    packet = anyprobe::test::radius::sign(packet, request(), kSecret);

  const auto reply = read(packet);
  if (reply.fit != RadiusFit::ours) return 0;
  // No guess hits an authenticator of 128 bits.
  if ((mend & 6U) == 0) std::abort();
  if (reply.code != packet[0]) std::abort();
  (void)anyprobe::name_radius_code(reply.code);
  const std::size_t length = packet[2] * 256U + packet[3];
  auto padded = packet;
  padded.push_back(0xff);
  if (read(padded).fit != RadiusFit::ours) std::abort();
  auto cut = packet;
  cut.resize(length - 1);
  if (read(cut).fit == RadiusFit::ours) std::abort();
  auto changed = packet;
  changed[(mend >> 3U) * length / 32] ^= 0x10;
  if (read(changed).fit == RadiusFit::ours) std::abort();
  return 0;
}
