// What the routing daemon has made of an advertisement, where it can be told.
#pragma once

#include <optional>

namespace anyprobe {

struct Confirmation {
  // What is announced is in the link-state database and from here, what is withdrawn is not, and every
  // neighbour has acknowledged it.
  std::optional<bool> confirmed;
  std::optional<unsigned> others;  // at least so many other routers that can be reached announce it

  friend bool operator==(const Confirmation&, const Confirmation&) = default;
};

}  // namespace anyprobe
