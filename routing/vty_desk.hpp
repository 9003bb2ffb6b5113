// Where a prober's questions to FRR's daemons are asked: one at a time, and so that a daemon is busy with
// them for a tenth of its time at most.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/event_loop.hpp"
#include "frr_questions.hpp"
#include "vty_question.hpp"

namespace anyprobe {

class VtyDesk {
 public:
  using Tell = std::function<void(std::uint32_t serial, const FrrAnswer& answer, Descriptor replies)>;

  VtyDesk(EventLoop& loop, Tell tell);

  // `serial` comes back with the answer, which is told from the loop. Of what waits, the last that came is
  // asked, and the others are not answered.
  void ask(std::uint32_t serial, const std::string& vty_dir, const FrrInquiry& inquiry, const Prefix& prefix);
  void forget();  // nobody waits for an answer any more

 private:
  struct Waiting {
    std::uint32_t serial = 0;
    std::string path;
    std::vector<std::string> commands;
  };
  void next();
  void finished(const FrrAnswer& answer, Descriptor replies);

  Tell tell_;
  std::optional<Waiting> waiting_;
  std::optional<std::uint32_t> asked_;  // by whom somebody waits
  bool busy_ = false;
  TimePoint begun_{};
  VtyQuestion question_;
  Timer rest_;
};

}  // namespace anyprobe
