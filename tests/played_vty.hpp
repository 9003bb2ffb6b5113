// A daemon's vty socket whose daemon is played by the test: a listener, and a thread for the one who
// connects.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace anyprobe::test {

class PlayedVty {
 public:
  // What to do once somebody has connected; the socket is closed behind it.
  using Daemon = std::function<void(const PlayedVty&, int socket)>;

  explicit PlayedVty(Daemon daemon, const char* name = "ospfd.vty")
      : path_(folder_ + "/" + name), listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{AF_UNIX, {}};
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_, 1) == 0);
    thread_ = std::thread([this, daemon = std::move(daemon)] {
      const int one = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (one < 0) return;
      daemon(*this, one);
      close(one);
    });
  }
  ~PlayedVty() {
    over_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    std::filesystem::remove_all(folder_);
  }
  PlayedVty(const PlayedVty&) = delete;
  PlayedVty& operator=(const PlayedVty&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // The next command, without its NUL; empty where the other hangs up.
  static std::string hear(int socket) {
    std::string out;
    for (char c = 0; recv(socket, &c, 1, 0) == 1 && c != '\0';) out += c;
    return out;
  }
  static bool say(int socket, const std::string& octets) {
    for (std::size_t done = 0; done < octets.size();) {
      const auto put = send(socket, octets.data() + done, octets.size() - done, MSG_NOSIGNAL);
      if (put <= 0) return false;
      done += static_cast<std::size_t>(put);
    }
    return true;
  }
  static std::string end(char status = '\0') { return std::string(3, '\0') + status; }
  void hang() const {
    while (!over_) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

 private:
  static std::string make_folder() {
    char path[] = "/tmp/anyprobe-vty-XXXXXX";
    REQUIRE(mkdtemp(path) != nullptr);
    return path;
  }
  const std::string folder_ = make_folder();
  const std::string path_;
  const int listener_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace anyprobe::test
