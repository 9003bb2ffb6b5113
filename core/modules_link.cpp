#include "modules_link.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

#include "log.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

constexpr int kRest = 9;
// Of a status; to read what lies deeper costs many times what its length would tell.
constexpr int kDeepest = 16;

bool is_deep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kDeepest) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

ModulesLink::ModulesLink(EventLoop& loop, std::string instance, std::function<void()> changed,
                         Patience patience)
    : changed_(std::move(changed)),
      patience_(patience),
      status_(std::move(instance)),
      io_(loop, [this](int) { read(); }),
      deadline_(loop, [this] { silent(); }) {}

ModulesLink::ModulesLink(EventLoop& loop, std::string instance, std::function<void()> changed)
    : ModulesLink(loop, std::move(instance), std::move(changed), Patience()) {}

ModulesLink::~ModulesLink() {
  io_.stop();
}

void ModulesLink::connect(Descriptor socket) {
  io_.stop();
  deadline_.stop();
  socket_ = std::move(socket);
  asking_ = hangs_ = false;
  told_.reset();
  rest_until_ = {};
  io_.start(socket_.get(), Io::kRead);
}

void ModulesLink::ask() {
  if (!socket_.valid() || asking_ || Clock::now() < rest_until_) return;
  asking_ = true;
  first_ = 0;
  worked_ = {};
  ask_for_part();
}

bool ModulesLink::settled(Duration age) {
  if (!socket_.valid() || hangs_) return true;
  if (told_ && Clock::now() - *told_ <= age) return true;
  ask();
  return !asking_ || hangs_;
}

std::optional<InstanceStatus> ModulesLink::now() const {
  if (!socket_.valid() && !status_.any()) return std::nullopt;
  return status_.now();
}

void ModulesLink::ask_for_part() {
  const auto largest = status_.largest_part(first_);
  const auto request = encode(ControlRequest{kPartVerb, {std::to_string(first_), std::to_string(largest)}});
  reader_ = ReplyReader(largest);
  deadline_.start(patience_.silence);
  // What it has not read is one line at most.
  if (send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    lose("headless", "has no prober now: its keeper is to start another");
}

void ModulesLink::read() {
  std::array<char, 65536> octets;
  const auto got = recv(socket_.get(), octets.data(), octets.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return lose("headless", "has no prober now: its keeper is to start another");
  const auto begin = Clock::now();
  try {
    take({octets.data(), static_cast<std::size_t>(got)});
  } catch (const std::exception& error) {
    lose("unknown", std::string("cannot be understood: ") + error.what());
  }
  const auto end = Clock::now();
  worked_ += end - begin;
  if (!asking_) rest_until_ = end + std::max<Duration>(patience_.rest, kRest * worked_);
}

void ModulesLink::take(std::string_view octets) {
  const auto nonsense = [this](const std::string& why) {
    log(LogLevel::error, status_.instance() + " answers with nonsense: " + why);
    lose("unknown", "answers with nonsense: " + why);
  };
  if (!asking_) return nonsense("nobody has asked");
  const auto state = reader_.take(octets);
  if (state == ReplyReader::State::nonsense || !octets.empty()) return nonsense("it is no reply");
  if (state != ReplyReader::State::whole) return;
  const auto reply = reader_.next();
  if (!reply.ok) return end(first_line(reply.body));
  if (is_deep(reply.body)) return nonsense("it is no status");
  auto part = read_status(reply.body);
  if (!part) return nonsense(part.error());
  status_.take(first_, std::move(part).value());
  hangs_ = false;
  if (!status_.is_last_part(first_)) {
    first_ += kServicesOfPart;
    return ask_for_part();
  }
  end({});
}

void ModulesLink::end(const std::string& refusal) {
  asking_ = hangs_ = false;
  deadline_.stop();
  told_ = Clock::now();
  if (refusal.empty())
    status_.well();
  else
    status_.trouble("unknown", "does not tell: " + refusal, wall_now());
  changed_();
}

// Its answer may yet come, and is taken then.
void ModulesLink::silent() {
  hangs_ = true;
  status_.trouble("hangs", "hangs: it takes the question and says nothing", wall_now());
  changed_();
}

void ModulesLink::lose(const char* state, const std::string& problem) {
  io_.stop();
  deadline_.stop();
  socket_.reset();
  asking_ = hangs_ = false;
  told_.reset();
  status_.trouble(state, problem, wall_now());
  changed_();
}

}  // namespace anyprobe
