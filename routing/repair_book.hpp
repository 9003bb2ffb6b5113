// What somebody removed or altered and we put right: told at once, and of who does so again and again, not
// each time. Pure: it takes the time as an argument.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

// The first of them, and how many more there are.
[[nodiscard]] std::string some_of(const std::vector<std::string>& texts);

class RepairBook {
 public:
  // `gap`: between texts of repairs to one advertisement.
  explicit RepairBook(Duration gap) : gap_(gap) {}

  void note(const Advertisement& what) { ++repairs_[what].untold; }
  void blame(const std::string& who) { culprit_ = who; }  // for the repairs that are told next
  void forget(const Advertisement& what) { repairs_.erase(what); }
  // One line, or nothing where nothing is to be told now.
  std::string tell(TimePoint now);

 private:
  struct Repairs {
    TimePoint told{};
    unsigned untold = 0;
  };
  Duration gap_;
  std::map<Advertisement, Repairs> repairs_;
  std::string culprit_;
};

}  // namespace anyprobe
