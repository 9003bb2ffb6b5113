// The socket in the run-dir by which a daemon is asked: RUN_DIR/NAME.sock, for root and group anyprobe.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <memory>
#include <string>
#include <utility>

#include "descriptor.hpp"
#include "outcome.hpp"

namespace anyprobe {

inline constexpr const char* kControlGroup = "anyprobe";

// Where a socket's file is, as the kernel wants it. A path that is too long for that goes by the descriptor
// of its folder, so the address is good while this lives.
class SocketFile {
 public:
  static Outcome<SocketFile> at(const std::string& folder, const std::string& file);

  [[nodiscard]] const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] static constexpr socklen_t size() { return sizeof(sockaddr_un); }

 private:
  SocketFile() = default;

  Descriptor folder_;
  sockaddr_un address_{};
};

class ControlSocket {
 public:
  // Listens. To be called by whoever holds the instance's lock, while it may still give files to a group: a
  // socket that is there is that of a dead one, and is replaced. Anything else of that name is an error.
  static Outcome<std::unique_ptr<ControlSocket>> open(const std::string& run_dir,
                                                      const std::string& instance);
  // The same, of any file.
  static Outcome<std::unique_ptr<ControlSocket>> open_file(const std::string& folder,
                                                           const std::string& file);

  ~ControlSocket();  // removes the file
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  [[nodiscard]] int get() const { return socket_.get(); }  // does not block

 private:
  ControlSocket(Descriptor socket, std::string path) : socket_(std::move(socket)), path_(std::move(path)) {}

  Descriptor socket_;
  std::string path_;
};

}  // namespace anyprobe
