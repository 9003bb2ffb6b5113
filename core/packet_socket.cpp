#include "packet_socket.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace anyprobe {

SocketPair make_socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return {};
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

bool send_packet(int socket, std::string_view packet, int descriptor) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};  // sendmsg only reads it
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

Packet receive_packet(int socket, std::size_t largest) {
  Packet out;
  // Asked for first, since room for the largest would have to be cleared for each of the small ones.
  const auto length = recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
  out.octets.resize(std::min(length > 0 ? static_cast<std::size_t>(length) : 1, largest));
  iovec part{out.octets.data(), out.octets.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const auto got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  out.octets.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return out;
  if (got >= 0) {
    if (const auto* c = CMSG_FIRSTHDR(&header);
        c != nullptr && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      out.descriptor.reset(fd);
    }
  }
  out.state = got > 0 ? Packet::State::received : Packet::State::closed;
  return out;
}

bool append_to_file(int fd, std::string_view octets) {
  for (std::size_t done = 0; done < octets.size();) {
    const auto put = write(fd, octets.data() + done, octets.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    done += static_cast<std::size_t>(put);
  }
  return true;
}

Descriptor memory_file(const char* name, std::string_view octets) {
  Descriptor file(memfd_create(name, MFD_CLOEXEC));
  if (file.valid() && !append_to_file(file.get(), octets)) file.reset();
  return file;
}

std::string read_memory_file(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || status.st_size <= 0) return {};
  std::string out(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const auto got = pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

}  // namespace anyprobe
