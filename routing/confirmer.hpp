// The prober's side of what FRR is asked: what to ask when, one question at a time, and what the answers
// mean.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "confirmation_book.hpp"
#include "core/event_loop.hpp"
#include "frr_questions.hpp"

namespace anyprobe {

class Confirmer {
 public:
  // Hands a question to the keeper; what comes back goes to take().
  using Ask = std::function<void(std::uint32_t serial, const FrrInquiry& inquiry)>;

  Confirmer(EventLoop& loop, Ask ask);

  // The kernel has them so now.
  void see(const std::vector<OwnAdvertisement>& all);
  void take(std::uint32_t serial, const FrrAnswer& answer, const std::string& replies);

  [[nodiscard]] Confirmation of(const Advertisement& what) const { return book_.of(what, Clock::now()); }
  [[nodiscard]] std::optional<Announcers> announcers_of(const Advertisement& what) const {
    return book_.announcers_of(what, Clock::now());
  }
  [[nodiscard]] std::optional<Sighting> sighting_of(const Advertisement& what) const {
    return book_.sighting_of(what);
  }
  // See ConfirmationBook::watch().
  void watch(std::set<Advertisement> watched);

 private:
  struct Asked {
    FrrInquiry inquiry;
    Advertisement what;  // of ospf_prefix
  };
  struct Part {
    std::vector<Lsa> lsas;
    TimePoint asked{};
  };
  void begin();
  void go_on();
  void understand(const std::string& replies);
  void judge(Family family, const LinkState& state);
  void fail(FrrAnswer::End end, const std::string& why);
  void plan();
  [[nodiscard]] std::string& trouble(Family family) { return trouble_[family == Family::ipv6 ? 1 : 0]; }

  Ask ask_;
  ConfirmationBook book_;
  std::deque<Asked> to_ask_;  // in this round
  bool waiting_ = false;      // for the answer to the first of them
  TimePoint asked_{};
  std::uint32_t serial_ = 0;
  std::map<Advertisement, Part> parts_;  // what was told of prefixes in this round
  std::array<std::string, 2> trouble_;   // why the daemon of a family tells nothing, as the log has it
  bool said_absent_ = false;
  Timer next_;
  Timer patience_;
};

}  // namespace anyprobe
