// What a prober says when it is asked for its status.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "control_message.hpp"
#include "keeper_link.hpp"
#include "service.hpp"
#include "status.hpp"

namespace anyprobe {

class StatusReport {
 public:
  using Services = std::vector<std::unique_ptr<Service>>;

  // `services` outlive it and are read when it is asked. `owed_since`: since when the keeper owes an answer.
  // `drained`: whether a service is withdrawn by hand; none is where it is empty.
  StatusReport(std::string instance, const Services& services,
               std::function<std::optional<TimePoint>()> owed_since,
               std::function<bool(const std::string& service)> drained = nullptr);

  // What became of an advertisement is told by this; nothing is where it is not set.
  void confirm_by(std::function<Confirmation(const Advertisement& what)> confirmed) {
    confirmed_ = std::move(confirmed);
  }

  // Who announces it is told by this; nobody knows where it is not set.
  void name_by(std::function<std::optional<Announcers>(const Advertisement& what)> announcers) {
    announcers_ = std::move(announcers);
  }
  // Called when somebody asks for what is counted.
  void count_by(std::function<void()> count) { count_ = std::move(count); }

  // Of the services of another prober, with detail and counts; nothing where there is none.
  void tell_beside(std::function<std::optional<InstanceStatus>()> beside) { beside_ = std::move(beside); }

  // Where a service stands in the queue for a drain.
  void queue_by(std::function<DrainQueue::State(const std::string& service)> queue) {
    queue_ = std::move(queue);
  }

  // What is wrong beside what the keeper tells, one line each.
  void complain_by(std::function<std::vector<std::string>()> problems) { problems_ = std::move(problems); }

  // The keeper has told how the kernel has the services that there are.
  void take(KernelView view);
  // The services are about to be replaced, and have been. What stays announced is known by itself until the
  // keeper tells of the new ones.
  void before_change();
  void after_change();
  void hurry() {
    plain_.good_until = detailed_.good_until = with_counts_.good_until = {};
    of_all_.good_until = {};
  }  // what was answered last is not so any more

  // Where an answer takes long to make, it is given again for a while: no more than a tenth of the time goes
  // into making them, whoever asks, and none is older than a second.
  [[nodiscard]] ControlReply answer(const ControlRequest& request);
  // What another prober asks, of kPartVerb: see modules_status.hpp.
  [[nodiscard]] ControlReply answer_part(const ControlRequest& request);
  // With counts: the daemon without its services, so many of these from that one, and another daemon.
  [[nodiscard]] InstanceStatus head();
  [[nodiscard]] std::vector<ServiceStatus> services(std::size_t first, std::size_t count) {
    return now(false, true, {first, count}).services;
  }
  [[nodiscard]] std::optional<InstanceStatus> beside() const { return beside_ ? beside_() : std::nullopt; }
  // The status with detail, of all that tell: as JSON, likewise, and as it is.
  [[nodiscard]] std::string json_of_all();
  [[nodiscard]] std::vector<InstanceStatus> all();
  // The same in parts: see StatusRound.
  [[nodiscard]] InstanceStatus some(std::size_t first, std::size_t count);
  [[nodiscard]] std::optional<InstanceStatus> beside_without_counts() const;
  // `detail`: with what happened lately; from then on it is remembered, though there be many services.
  // `counts`: with what is counted.
  [[nodiscard]] InstanceStatus now(bool detail = false, bool counts = false) {
    return now(detail, counts, {0, services_.size()});
  }

 private:
  struct Made {
    std::string text;
    TimePoint good_until{};
  };
  struct Known {
    AdvertisementState state = AdvertisementState::withdrawn;
    TimePoint since{};  // TimePoint(): it was so when it was first told
  };
  struct Moment {
    TimePoint steady;
    std::chrono::system_clock::time_point wall;
    bool detail = false;
  };
  // Of the services, so many from that one.
  struct Part {
    std::size_t first = 0;
    std::size_t count = 0;
  };
  [[nodiscard]] InstanceStatus now(bool detail, bool counts, Part part);
  // Makes it anew where that is due; an error is not kept.
  template <typename Make>
  [[nodiscard]] static Outcome<std::string> recent(Made& made, Make make);
  [[nodiscard]] ServiceStatus of(const Service& service, std::size_t first, const Moment& moment);
  [[nodiscard]] ServiceHistory history_of(const Service& service, const Moment& moment);
  [[nodiscard]] AdvertisementStatus of(const Advertisement& what, std::size_t index, const Moment& moment);
  [[nodiscard]] Known known_of(const Advertisement& what, std::size_t index) const;
  [[nodiscard]] TimePoint waits_until(std::size_t index) const;

  const std::string instance_;
  const Services& services_;
  const std::function<std::optional<TimePoint>()> owed_since_;
  const std::function<bool(const std::string&)> drained_;
  std::function<Confirmation(const Advertisement&)> confirmed_;
  std::function<std::optional<Announcers>(const Advertisement&)> announcers_;
  std::function<std::vector<std::string>()> problems_;
  std::function<DrainQueue::State(const std::string&)> queue_;
  const TimePoint started_;
  WallClock clock_;
  KernelView view_;
  bool current_ = true;           // view_ is of the services that there are
  std::vector<TimePoint> since_;  // of each of its states, as Known has it
  std::map<Advertisement, Known> before_;
  std::function<void()> count_;
  Made plain_;
  Made detailed_;
  Made with_counts_;
  Made of_all_;
  std::function<std::optional<InstanceStatus>()> beside_;
};

}  // namespace anyprobe
