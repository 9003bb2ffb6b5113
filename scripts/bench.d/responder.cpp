// Answers, and knows how well whoever asks keeps its time. One process for any number of services.
//   responder dns|tcp|socks PORT
// dns answers over UDP and TCP; tcp takes connections; socks takes them and agrees to a greeting of SOCKS5. A
// service is told from others by the first label of the name, or over TCP by the address that was connected
// to. On standard input "begin" forgets what was, and "end NANOSECONDS" prints a line about the questions
// since: how many, of how many services, and of the intervals between two of the same service how many there
// were, how many within 5% of so long, and by how many ns the worst and the 99th of a hundred missed it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Octets = std::vector<unsigned char>;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(70);
}

// Of the wall clock, as the kernel's time stamps of datagrams are.
long long now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

class Tally {
 public:
  void begin() { seen_.clear(); }

  void add(std::string_view service, long long at) { seen_[std::string(service)].push_back(at); }

  void print(long long interval) const {
    std::size_t asked = 0;
    std::vector<long long> missed;
    for (const auto& [service, times] : seen_) {
      asked += times.size();
      for (std::size_t i = 1; i < times.size(); ++i)
        missed.push_back(std::llabs(times[i] - times[i - 1] - interval));
    }
    std::sort(missed.begin(), missed.end());
    const auto kept = std::upper_bound(missed.begin(), missed.end(), interval / 20) - missed.begin();
    const auto worst = missed.empty() ? 0 : missed.back();
    const auto late = missed.empty() ? 0 : missed[missed.size() * 99 / 100];
    std::printf("%zu %zu %zu %td %lld %lld\n", asked, seen_.size(), missed.size(), kept, worst, late);
    std::fflush(stdout);
  }

 private:
  std::unordered_map<std::string, std::vector<long long>> seen_;
};

sockaddr_in anywhere(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return address;
}

int open_server(int type, std::uint16_t port) {
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  constexpr int kOn = 1;
  constexpr int kBuffer = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &kOn, sizeof kOn);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &kOn, sizeof kOn);
  if (type == SOCK_DGRAM) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  const auto address = anywhere(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (type == SOCK_STREAM && listen(fd, 16384) != 0) fail("listen");
  return fd;
}

// One A record for whatever the question is; `length` is that of the message.
Octets answer_to(const unsigned char* question, std::size_t length) {
  std::size_t end = 12;
  while (end < length && question[end] != 0) end += question[end] + 1U;
  end += 5;
  if (end > length) return {};
  Octets out(question, question + end);
  constexpr std::array<unsigned char, 10> kHead = {0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
  constexpr std::array<unsigned char, 16> kRecord = {0xc0, 12, 0, 1, 0,   1,  0,   0,
                                                     0,    60, 0, 4, 198, 51, 100, 80};
  std::copy(kHead.begin(), kHead.end(), out.begin() + 2);
  out.insert(out.end(), kRecord.begin(), kRecord.end());
  return out;
}

class Responder {
 public:
  Responder(std::string_view kind, std::uint16_t port)
      : dns_(kind == "dns"), speaks_(kind != "tcp"), listener_(open_server(SOCK_STREAM, port)) {
    watch(listener_);
    watch(STDIN_FILENO);
    if (!dns_) return;
    datagrams_ = open_server(SOCK_DGRAM, port);
    watch(datagrams_);
  }

  void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == STDIN_FILENO) {
          if (!obey()) return;
        } else if (fd == listener_) {
          accept_all();
        } else if (fd == datagrams_) {
          answer_all();
        } else {
          serve(fd);
        }
      }
    }
  }

 private:
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  bool obey() {
    char line[64];
    const auto got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) return false;
    line[got] = '\0';
    if (line[0] == 'b') {
      tally_.begin();
      std::puts("begun");
      std::fflush(stdout);
    } else {
      tally_.print(std::atoll(std::strchr(line, ' ')));
    }
    return true;
  }

  void accept_all() {
    for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      sockaddr_in local{};
      socklen_t length = sizeof local;
      getsockname(fd, reinterpret_cast<sockaddr*>(&local), &length);
      tally_.add({reinterpret_cast<const char*>(&local.sin_addr), sizeof local.sin_addr}, now());
      watch(fd);
    }
  }

  void answer_all() {
    unsigned char question[1500];
    alignas(cmsghdr) char control[128];
    for (;;) {
      sockaddr_in from{};
      iovec part{.iov_base = question, .iov_len = sizeof question};
      msghdr message{};
      message.msg_name = &from;
      message.msg_namelen = sizeof from;
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const auto got = recvmsg(datagrams_, &message, 0);
      if (got < 0) return;
      if (got < 17) continue;
      auto at = now();
      if (const auto* stamp = CMSG_FIRSTHDR(&message); stamp && stamp->cmsg_type == SCM_TIMESTAMPNS) {
        timespec time{};
        std::memcpy(&time, CMSG_DATA(stamp), sizeof time);
        at = time.tv_sec * 1'000'000'000LL + time.tv_nsec;
      }
      const auto answer = answer_to(question, static_cast<std::size_t>(got));
      if (answer.empty()) continue;
      tally_.add({reinterpret_cast<const char*>(question) + 13, question[12]}, at);
      sendto(datagrams_, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from),
             sizeof from);
    }
  }

  void serve(int fd) {
    unsigned char said[1500];
    const auto got = recv(fd, said, sizeof said, 0);
    if (got <= 0) {
      close(fd);
      return;
    }
    if (!speaks_) return;
    if (!dns_) {
      send(fd, "\x05\x00", 2, MSG_NOSIGNAL);
    } else if (got > 2 + 17) {
      auto answer = answer_to(said + 2, static_cast<std::size_t>(got) - 2);
      const auto length = static_cast<std::uint16_t>(answer.size());
      answer.insert(answer.begin(),
                    {static_cast<unsigned char>(length >> 8U), static_cast<unsigned char>(length)});
      send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  const bool dns_;
  const bool speaks_;
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const int listener_;
  int datagrams_ = -1;
  Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  Responder(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2]))).run();
}
