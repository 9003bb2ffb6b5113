// What is wrong with a configuration.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace anyprobe {

// Every error of a configuration, in the order found: nothing stops at the first.
class ConfigErrors {
 public:
  void add(std::string line, bool from_flag = false);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  // Whether a flag of the command line is at fault in all of them: a usage error rather than a bad file.
  [[nodiscard]] bool all_from_flags() const { return !lines_.empty() && from_flags_ == lines_.size(); }

 private:
  std::vector<std::string> lines_;
  std::size_t from_flags_ = 0;
};

}  // namespace anyprobe
