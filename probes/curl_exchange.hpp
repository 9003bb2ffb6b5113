// One HTTP request and what comes back, by libcurl on our event loop: without threads, and to an address that
// is known already. Knows nothing of what an answer means.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.hpp"
#include "probes/curl_library.hpp"
#include "probes/tcp_exchange.hpp"

namespace anyprobe {

class CurlExchange;

// libcurl's multi handle, shared by the exchanges of one probe; it keeps the certificates it has read for a
// minute.
class CurlLoop {
 public:
  explicit CurlLoop(EventLoop& loop);
  ~CurlLoop();  // after every exchange
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

 private:
  friend class CurlExchange;

  bool add(CURL* easy);  // false: there is no memory
  void remove(CURL* easy);
  void act(int fd, int events);
  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* of_socket) noexcept;
  static int on_timer(CURLM* multi, long milliseconds, void* self) noexcept;

  EventLoop& loop_;
  CURLM* multi_;
  std::map<int, Io> sockets_;  // by descriptor; one that is closed has its watcher stopped, and kept
  Timer timer_;
};

enum class HttpMethod : std::uint8_t {
  get,
  head,
  connect,  // of a proxy: a tunnel to the URL's host, and nothing through it
};

struct CurlRequest {
  HttpMethod method = HttpMethod::get;
  std::string url;
  TcpTarget target;      // whom to connect to, whatever the URL says
  bool proxy = false;    // it is a proxy
  std::string username;  // for the proxy
  std::string password;
  std::vector<std::string> headers;  // "Name: value", for the origin; with connect, for the proxy
  std::string ca_file;               // whom to trust; empty: whom the system trusts
};

// What an exchange came to.
struct CurlOutcome {
  enum class End : std::uint8_t {
    complete,
    enough,     // a callback said so
    no_tunnel,  // the proxy answered CONNECT with another status
    failed,     // as call, error and local say
    tls,
    malformed,  // an answer that is no HTTP
    closed,     // before all that was announced had come
    unable,     // libcurl cannot ask here
  };

  End end = End::complete;
  const char* call = nullptr;  // "connect": what failed
  int error = 0;               // its errno
  bool local = false;          // it failed on this host, before anything could have come back
  std::string words;           // libcurl's, printable
};

class CurlExchange {
 public:
  // Given each line of each header, or each piece of the body. False: that is enough.
  using Take = std::function<bool(std::string_view)>;
  // Called once, perhaps inside start(); the connection is closed then. No exchange of the same CurlLoop may
  // be destroyed in it, nor in the others.
  using Done = std::function<void(const CurlOutcome&)>;

  // Loop and request outlive the exchange.
  CurlExchange(CurlLoop& loop, const CurlRequest& request, Take header, Take body, Done done);
  ~CurlExchange();  // cancels, calls nothing
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  void start();                          // there is no deadline
  [[nodiscard]] bool connected() const;  // now

 private:
  friend class CurlLoop;
  using List = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

  template <typename T>
  void set(CURLoption option, T value) {
    if (wrong_ == CURLE_OK) wrong_ = curl().easy_setopt(easy_, option, value);
  }
  void set_up();
  void set_up_request();
  void set_up_way();
  void append(List& list, const std::string& line);
  void ended(CURLcode code);
  [[nodiscard]] CurlOutcome outcome(CURLcode code) const;
  [[nodiscard]] bool connected_to_itself() const;
  void drop();

  std::size_t take(const Take& taker, std::string_view octets) noexcept;
  static std::size_t on_header(char* octets, std::size_t one, std::size_t length, void* self) noexcept;
  static std::size_t on_body(char* octets, std::size_t one, std::size_t length, void* self) noexcept;
  static curl_socket_t on_open(void* self, curlsocktype purpose, curl_sockaddr* address) noexcept;

  CurlLoop& loop_;
  const CurlRequest& request_;
  Take header_;
  Take body_;
  Done done_;
  CURL* easy_ = nullptr;
  List headers_;
  List connect_to_;
  std::array<char, CURL_ERROR_SIZE> words_{};
  CURLcode wrong_ = CURLE_OK;  // what could not be set
  TcpSocket socket_;           // as it was opened
  bool waited_ = false;        // libcurl has waited for the socket
  bool enough_ = false;
  bool thrown_ = false;  // by a callback
};

}  // namespace anyprobe
