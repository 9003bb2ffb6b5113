#include "probes_digest.hpp"

#include <nettle/sha2.h>

namespace anyprobe {

ProbesDigest digest_of_probes(std::string_view text) {
  static_assert(ProbesDigest{}.size() == SHA256_DIGEST_SIZE);
  ProbesDigest out;
  sha256_ctx state;
  sha256_init(&state);
  sha256_update(&state, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  sha256_digest(&state, out.size(), out.data());
  return out;
}

}  // namespace anyprobe
