// The name of a network interface, or none. As long as the kernel's (IFNAMSIZ), so that whoever keeps
// thousands keeps no more than that of each.
#pragma once

#include <net/if.h>

#include <algorithm>
#include <array>
#include <compare>
#include <string>
#include <string_view>

namespace anyprobe {

class InterfaceName {
 public:
  InterfaceName() = default;
  // What is longer than a name can be is cut. Names are often made of texts, and texts of names.
  InterfaceName(std::string_view name) {
    name.substr(0, octets_.size() - 1).copy(octets_.data(), octets_.size() - 1);
  }
  InterfaceName(const std::string& name) : InterfaceName(std::string_view(name)) {}
  InterfaceName(const char* name) : InterfaceName(std::string_view(name)) {}

  operator std::string() const { return std::string(view()); }
  [[nodiscard]] std::string_view view() const { return octets_.data(); }
  [[nodiscard]] bool empty() const { return octets_.front() == '\0'; }

  friend auto operator<=>(const InterfaceName&, const InterfaceName&) = default;
  friend bool operator==(const InterfaceName&, const InterfaceName&) = default;

 private:
  std::array<char, IFNAMSIZ> octets_{};  // ends with a zero
};

}  // namespace anyprobe
