// What is asked through a relay of UDP, and whether it was answered.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace anyprobe {

enum class SocksQuestionKind : std::uint8_t {
  dns,   // the SOA record of the root, with a random id
  echo,  // random octets, which come back as they are (RFC 862)
};

class SocksQuestion {
 public:
  static constexpr std::size_t kRandom = 16;  // octets; those of DNS use the first two

  SocksQuestion(SocksQuestionKind kind, std::span<const std::uint8_t, kRandom> random);

  [[nodiscard]] std::span<const std::uint8_t> octets() const { return octets_; }
  // Any answer to the question of DNS counts, whatever its code: it came from there.
  [[nodiscard]] bool answered_by(std::span<const std::uint8_t> payload) const;
  [[nodiscard]] std::string_view name() const;

 private:
  SocksQuestionKind kind_;
  std::vector<std::uint8_t> octets_;
};

}  // namespace anyprobe
