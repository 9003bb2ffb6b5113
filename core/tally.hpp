// One verdict from those of several probes that were started together. Pure.
//
// A probe that is shared asks for something that other nodes depend on too. One that does not pass, or cannot
// be asked, counts as passing as long as at least one that is not shared passes: so no more is required of
// those that are not shared than would be if every shared one passed.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "probe.hpp"

namespace anyprobe {

// The reason of a pass that would be none if shared probes did not count as passing.
inline constexpr std::string_view kSharedFailed = "shared_failed";

class Tally {
 public:
  // `need` of `probes` must pass; 1 <= need <= probes. `shared` of them are.
  Tally(std::size_t probes, std::size_t need, std::size_t shared = 0)
      : need_(need), own_(probes - shared), shared_(shared) {}

  void reset();
  // The verdict of the whole, once it no longer depends on those that are missing. What is added afterwards
  // is ignored.
  std::optional<Result> add(Result result, bool shared = false);

 private:
  struct Group {
    explicit Group(std::size_t probes) : all(probes) {}

    std::size_t all;
    std::size_t passed = 0;
    std::vector<Result> failed;
    std::vector<Result> not_asked;

    void add(const Result& result);
    void reset();
    [[nodiscard]] std::size_t may_pass() const { return all - failed.size(); }
    [[nodiscard]] std::size_t missing() const { return all - passed - failed.size() - not_asked.size(); }
  };

  [[nodiscard]] bool passes_by_own() const;
  [[nodiscard]] Result in_spite_of_shared() const;
  [[nodiscard]] Result failure(bool own_alone) const;

  std::size_t need_;
  bool done_ = false;
  Group own_;
  Group shared_;
};

}  // namespace anyprobe
