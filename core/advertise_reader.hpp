// Reads what services announce, and sees to it that no two announce the same.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "advertisement.hpp"
#include "config_reader.hpp"
#include "options.hpp"

namespace anyprobe {

inline constexpr std::size_t kMostAdvertisements = 100'000;  // of all services together

// One for all services of a configuration. What is wrong goes to the errors of the reader it is given.
class AdvertiseReader {
 public:
  // `list` is the array of a service's "advertise".
  std::vector<Advertisement> read(const ConfigReader& list, const std::string& service);
  // The drain_token of `options`, put at the end of `to` where nothing is wrong with it.
  bool read_token(Options& options, const std::string& service, std::vector<Advertisement>& to);

 private:
  void read_address(const ConfigReader& item);
  void read_route(const ConfigReader& item);
  void read_link(const ConfigReader& item);
  void read_addresses_from(const ConfigReader& item);
  // Empty, or what is wrong.
  [[nodiscard]] std::string add_address(const Prefix& prefix, const std::string& interface);
  [[nodiscard]] std::string add_lines(std::string_view line, bool expand, const std::string& interface);
  [[nodiscard]] std::string claim(const Prefix& prefix, std::uint32_t table);

  using Claim = std::pair<std::uint32_t, Prefix>;  // with its table

  std::string service_;
  std::vector<Advertisement> out_;
  std::size_t count_ = 0;
  std::map<Claim, std::string> claims_;  // of single addresses, by whom
  std::vector<std::pair<Claim, std::string>> wide_claims_;
  std::map<std::string, std::string> links_;
};

// As it would stand in "advertise".
nlohmann::ordered_json describe(const Advertisement& advertisement);

}  // namespace anyprobe
