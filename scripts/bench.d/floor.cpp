// What a check costs at the least: one question after the other, each answer awaited, COUNT of them a second,
// evenly.
//   floor udp kept|fresh HOST PORT COUNT OCTETS [OFFSET [LISTEN]]
//   floor tcp fresh HOST PORT COUNT [OCTETS]
// Kept: each service has a connected socket for good. Fresh: a socket each time. OCTETS are hexadecimal; at
// OFFSET of them stand the five digits of a service's number. LISTEN: the answers come to this port of HOST.
// Over TCP the services are at HOST and the addresses behind it; without OCTETS a connection is enough, else
// the first octet that comes back.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr long long kSecond = 1'000'000'000;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(70);
}

struct Floor {
  int type = SOCK_DGRAM;
  bool kept = false;
  sockaddr_in to{};
  std::string octets;
  std::size_t offset = 0;
  int listener = -1;
};

int open_socket(const Floor& floor, unsigned number) {
  const int fd = socket(AF_INET, floor.type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 800'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  auto to = floor.to;
  if (floor.type == SOCK_STREAM) to.sin_addr.s_addr = htonl(ntohl(to.sin_addr.s_addr) + number);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) std::perror("connect");
  return fd;
}

void ask(Floor& floor, unsigned number, int fd) {
  if (floor.octets.empty()) return;
  if (floor.offset != 0) {
    auto left = number;
    for (std::size_t at = floor.offset + 5; at-- > floor.offset; left /= 10)
      floor.octets[at] = static_cast<char>('0' + left % 10);
  }
  char answer[1500];
  if (send(fd, floor.octets.data(), floor.octets.size(), MSG_NOSIGNAL) < 0) std::perror("send");
  if (recv(floor.listener < 0 ? fd : floor.listener, answer, sizeof answer, 0) < 0) std::perror("recv");
}

int listen_at(sockaddr_in address, const char* port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  constexpr timeval kPatience{.tv_sec = 0, .tv_usec = 800'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  return fd;
}

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::strtoul(std::string(text.substr(i, 2)).c_str(), nullptr, 16));
  return out;
}

void wait_until(long long due) {
  const timespec at{.tv_sec = due / kSecond, .tv_nsec = due % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 64;
  Floor floor;
  if (std::string_view(argv[1]) == "tcp") floor.type = SOCK_STREAM;
  floor.kept = std::string_view(argv[2]) == "kept";
  floor.to.sin_family = AF_INET;
  if (inet_pton(AF_INET, argv[3], &floor.to.sin_addr) != 1) return 64;
  floor.to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[4])));
  const auto count = static_cast<unsigned>(std::atoi(argv[5]));
  if (argc > 6) floor.octets = from_hex(argv[6]);
  if (argc > 7) floor.offset = static_cast<std::size_t>(std::atoi(argv[7]));
  if (argc > 8) floor.listener = listen_at(floor.to, argv[8]);

  std::vector<int> sockets;
  for (unsigned i = 0; floor.kept && i < count; ++i) sockets.push_back(open_socket(floor, i));
  timespec begin{};
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (long long round = 0;; ++round) {
    for (unsigned i = 0; i < count; ++i) {
      wait_until((begin.tv_sec + round) * kSecond + begin.tv_nsec + i * kSecond / count);
      const int fd = floor.kept ? sockets[i] : open_socket(floor, i);
      ask(floor, i, fd);
      if (!floor.kept) close(fd);
    }
  }
}
