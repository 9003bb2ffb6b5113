// Status codes of three digits, as HTTP and SIP have them, given as "200", "200-299" or "2xx". Pure.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/options.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct StatusRange {
  int first = 0;
  int last = 0;  // with it

  static Outcome<StatusRange> parse(std::string_view text);
};

class StatusList {
 public:
  StatusList() = default;
  StatusList(std::initializer_list<StatusRange> ranges) : ranges_(ranges) {}
  // The error is that of the first item that is none.
  static Outcome<StatusList> parse(std::span<const std::string> items);

  void add(const StatusRange& range) { ranges_.push_back(range); }
  [[nodiscard]] bool contains(int status) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::string to_string() const;  // "200-299, 404"

 private:
  std::vector<StatusRange> ranges_;
};

// The option `name`, a list of texts; each item that is no status from `lowest` to `highest` becomes an error
// of its own.
StatusList read_statuses(Options& options, const char* name, int lowest = 100, int highest = 999);

}  // namespace anyprobe
