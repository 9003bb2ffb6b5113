// The prober's end of the socket to the keeper.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/keeper_link.hpp"
#include "keeper_message.hpp"

namespace anyprobe {

class KeeperClient final : public KeeperLink {
 public:
  struct Answer {
    Refusal refusal;           // with lines: the configuration is refused
    std::vector<bool> wanted;  // otherwise what is wanted of it from now on
  };
  struct Handlers {
    std::function<Answer(const std::vector<SourceFile>&)> on_configuration;
    std::function<void()> on_keeper_gone;
  };

  // Owns `fd`.
  KeeperClient(EventLoop& loop, int fd, Handlers handlers);
  ~KeeperClient() override;

  void want(const std::vector<bool>& wanted) override;
  bool settle(Duration patience) override;
  void request_reload() override;

 private:
  bool receive_one();
  void take_configuration(const Message& message, int fd);
  void send(const Message& message);
  void gone();

  int fd_;
  Handlers handlers_;
  std::uint32_t generation_ = 0;
  std::uint32_t serial_ = 0;
  std::uint32_t applied_ = 0;
  bool gone_ = false;
  Io io_;
};

}  // namespace anyprobe
