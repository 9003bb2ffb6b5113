#include "keeper_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/packet_socket.hpp"

namespace anyprobe {
namespace {

constexpr std::chrono::milliseconds kPatience(1000);

}  // namespace

KeeperClient::KeeperClient(EventLoop& loop, int fd, Handlers handlers)
    : fd_(fd), handlers_(std::move(handlers)), io_(loop, [this](int) { receive_one(); }) {
  io_.start(fd_, Io::kRead);
}

KeeperClient::~KeeperClient() {
  io_.stop();
  close(fd_);
}

void KeeperClient::want(const std::vector<Wish>& wishes) {
  if (!owed_since_) owed_since_ = Clock::now();
  send({MessageType::want, generation_, ++serial_, pack_want({Clock::now(), wishes})},
       Importance::said_again);
}

bool KeeperClient::settle(Duration patience) {
  const auto deadline = Clock::now() + patience;
  while (!gone_ && applied_ != serial_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0 && !receive_one()) return false;
  }
  return !gone_;
}

void KeeperClient::request_reload() {
  send({MessageType::reload, generation_, 0, {}}, Importance::said_once);
}

void KeeperClient::tell_suspended(bool suspended) {
  send({suspended ? MessageType::suspended : MessageType::resumed, generation_, 0, {}},
       Importance::said_once);
}

void KeeperClient::keep_drained(const std::vector<bool>& services) {
  send({MessageType::drained, generation_, 0, pack_drained(services)}, Importance::said_once);
}

void KeeperClient::hand_over() {
  send({MessageType::hand_over, generation_, 0, {}}, Importance::said_once);
}

void KeeperClient::ask(std::uint32_t serial, const FrrInquiry& inquiry) {
  send({MessageType::ask, viewed_, serial, pack_inquiry(inquiry)}, Importance::said_again);
}

void KeeperClient::send(const Message& message, Importance importance) {
  if (gone_) return;
  const auto packet = encode(message);
  const auto deadline = Clock::now() + kPatience;
  while (::send(fd_, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return gone();
    if (importance == Importance::said_again || Clock::now() > deadline) return;
    pollfd room{fd_, POLLOUT, 0};
    poll(&room, 1, static_cast<int>(kPatience.count()));
  }
}

void KeeperClient::gone() {
  if (std::exchange(gone_, true)) return;
  io_.stop();
  handlers_.on_keeper_gone();
}

bool KeeperClient::receive_one() {
  auto packet = receive_packet(fd_, kLargestMessage);
  if (packet.state == Packet::State::none) return true;
  if (packet.state == Packet::State::closed) {
    gone();
    return false;
  }
  if (const auto message = decode(packet.octets)) {
    if (message->type == MessageType::applied && message->generation == generation_) take_applied(*message);
    if (message->type == MessageType::configuration && packet.descriptor.valid())
      take_configuration(*message, packet.descriptor.get());
    if (message->type == MessageType::runner && packet.descriptor.valid())
      handlers_.on_runner(std::move(packet.descriptor));
    if (message->type == MessageType::control && packet.descriptor.valid())
      handlers_.on_control(std::move(packet.descriptor));
    if (message->type == MessageType::beside && packet.descriptor.valid() && handlers_.on_beside)
      handlers_.on_beside(std::move(packet.descriptor));
    if (message->type == MessageType::socket && handlers_.on_socket) {
      if (const auto place = unpack_place(message->body))
        handlers_.on_socket(place->name, std::move(packet.descriptor), place->where);
    }
    if (message->type == MessageType::answer) take_answer(*message, packet.descriptor.get());
  }
  return true;
}

void KeeperClient::take_applied(const Message& message) {
  applied_ = message.serial;
  owed_since_.reset();
  viewed_ = message.generation;
  if (auto view = unpack_view(message.body)) handlers_.on_view(std::move(view).value());
}

void KeeperClient::take_answer(const Message& message, int fd) {
  const auto answer = unpack_answer(message.body);
  if (answer && handlers_.on_answer)
    handlers_.on_answer(message.serial, *answer, fd < 0 ? std::string() : read_memory_file(fd));
}

void KeeperClient::take_configuration(const Message& message, int fd) {
  const auto files = unpack_files(read_memory_file(fd));
  const auto circumstances = unpack_circumstances(message.body);
  Answer answer;
  if (files && circumstances)
    answer = handlers_.on_configuration(*files, message.generation, *circumstances);
  else
    answer.refusal.lines.push_back(files ? circumstances.error() : files.error());
  if (!answer.refusal.lines.empty()) {
    send({MessageType::refuse, message.generation, 0, pack_refusal(answer.refusal)}, Importance::said_once);
    return;
  }
  generation_ = message.generation;
  owed_since_ = Clock::now();
  send({MessageType::accept, generation_, ++serial_, pack_want({Clock::now(), answer.wishes})},
       Importance::said_once);
}

}  // namespace anyprobe
