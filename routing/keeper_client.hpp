// The prober's end of the socket to the keeper.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/descriptor.hpp"
#include "core/keeper_link.hpp"
#include "frr_questions.hpp"
#include "keeper_message.hpp"

namespace anyprobe {

class KeeperClient final : public KeeperLink {
 public:
  struct Answer {
    Refusal refusal;           // with lines: the configuration is refused
    std::vector<Wish> wishes;  // otherwise what is wanted of it from now on
  };
  struct Handlers {
    std::function<Answer(const std::vector<SourceFile>&, std::uint32_t generation, const Circumstances&)>
        on_configuration;
    std::function<void()> on_keeper_gone;
    std::function<void(Descriptor socket)> on_runner;   // there is a runner, and this is the way to it
    std::function<void(KernelView view)> on_view;       // of the configuration that was accepted last
    std::function<void(Descriptor socket)> on_control;  // status is asked by this, which listens
    // To ask(): the replies of FRR as they came, where it is answered.
    std::function<void(std::uint32_t serial, const FrrAnswer& answer, const std::string& replies)>
        on_answer{};
    std::function<void(Descriptor socket)> on_beside{};  // the way to the other prober
    // Who is to be answered asks by this, which listens at `where`; not valid: by none any more.
    std::function<void(SocketName name, Descriptor socket, const std::string& where)> on_socket{};
  };

  // Owns `fd`.
  KeeperClient(EventLoop& loop, int fd, Handlers handlers);
  ~KeeperClient() override;

  void want(const std::vector<Wish>& wishes) override;
  bool settle(Duration patience) override;
  void request_reload() override;
  void tell_suspended(bool suspended) override;
  void keep_drained(const std::vector<bool>& services) override;
  void hand_over() override;
  // By the places that the last view had.
  void ask(std::uint32_t serial, const FrrInquiry& inquiry);

  // Since when the keeper owes an answer to what was wanted, if it does.
  // What the keeper told last is of what it was asked for last.
  [[nodiscard]] bool up_to_date() const { return applied_ == serial_; }
  [[nodiscard]] std::optional<TimePoint> owed_since() const { return owed_since_; }

 private:
  bool receive_one();
  void take_configuration(const Message& message, int fd);
  void take_applied(const Message& message);
  void take_answer(const Message& message, int fd);
  // A keeper that reads nothing, being stopped, must not stop us too: what need not be said is left out.
  enum class Importance : std::uint8_t { said_again, said_once };
  void send(const Message& message, Importance importance);
  void gone();

  int fd_;
  Handlers handlers_;
  std::uint32_t generation_ = 0;
  std::uint32_t viewed_ = 0;  // the generation of the last view
  std::uint32_t serial_ = 0;
  std::uint32_t applied_ = 0;
  std::optional<TimePoint> owed_since_;
  bool gone_ = false;
  Io io_;
};

}  // namespace anyprobe
