// One verdict from those of several probes that were started together. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "probe.hpp"

namespace anyprobe {

class Tally {
 public:
  // `need` of `probes` must pass; 1 <= need <= probes.
  Tally(std::size_t probes, std::size_t need) : probes_(probes), need_(need) {}

  void reset();
  // The verdict of the whole, once it no longer depends on those that are missing. What is added afterwards
  // is ignored.
  std::optional<Result> add(const Result& result);

 private:
  std::size_t probes_;
  std::size_t need_;
  std::size_t passed_ = 0;
  bool done_ = false;
  std::vector<Result> failed_;
  std::vector<Result> not_asked_;
};

}  // namespace anyprobe
