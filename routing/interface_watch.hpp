// The interfaces that advertisements need, as of the last look: which are missing or down, and when that is
// news.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "plan.hpp"
#include "route_table.hpp"

namespace anyprobe {

class InterfaceWatch {
 public:
  // Returns what is news, one line each.
  std::vector<std::string> look(std::span<const Desired> desired, const Snapshot& seen);

  // Of what the last look found:
  [[nodiscard]] bool concerns(const TableEvent& event) const;  // of a link
  [[nodiscard]] bool is(const std::string& name, int index) const;
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  struct Interface {
    int index = 0;  // 0: missing
    bool must_be_up = false;
    bool carries = false;  // it is a link that is announced
    bool fit = false;      // there, and up if it must be
    bool forgetful = false;
  };
  std::map<std::string, Interface> links_;
};

}  // namespace anyprobe
