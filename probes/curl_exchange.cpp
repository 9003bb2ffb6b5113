#include "probes/curl_exchange.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace anyprobe {
namespace {

constexpr long kTrustSeconds = 60;

// What was not read would make the kernel end the connection by a reset, which servers log.
int on_close(void*, curl_socket_t fd) noexcept {
  ::recv(fd, nullptr, kTcpReadMost, MSG_TRUNC | MSG_DONTWAIT);
  return ::close(fd);
}

std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

CurlOutcome::End end_of(CURLcode code) {
  using End = CurlOutcome::End;
  switch (code) {
    case CURLE_OK:
      return End::complete;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return End::tls;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_COULDNT_CONNECT:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return End::closed;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9, which is what anything else looks like
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
      return End::malformed;
    default:
      return End::unable;
  }
}

}  // namespace

CurlLoop::CurlLoop(EventLoop& loop)
    : loop_(loop), multi_(curl().multi_init()), timer_(loop, [this] { act(CURL_SOCKET_TIMEOUT, 0); }) {
  if (multi_ == nullptr) throw std::runtime_error("libcurl: no memory");
  curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
  curl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl().multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlLoop::~CurlLoop() {
  curl().multi_cleanup(multi_);
}

bool CurlLoop::add(CURL* easy) {
  if (curl().multi_add_handle(multi_, easy) != CURLM_OK) return false;
  act(CURL_SOCKET_TIMEOUT, 0);  // which sets out at once
  return true;
}

void CurlLoop::remove(CURL* easy) {
  curl().multi_remove_handle(multi_, easy);
}

void CurlLoop::act(int fd, int events) {
  const int flags =
      ((events & Io::kRead) != 0 ? CURL_CSELECT_IN : 0) | ((events & Io::kWrite) != 0 ? CURL_CSELECT_OUT : 0);
  int left = 0;
  curl().multi_socket_action(multi_, fd, flags, &left);
  while (const auto* message = curl().multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* exchange = nullptr;
    curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    static_cast<CurlExchange*>(exchange)->ended(message->data.result);
  }
}

int CurlLoop::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) noexcept {
  auto& loop = *static_cast<CurlLoop*>(self);
  try {
    // A watcher may be stopped in its own callback, but not be destroyed: it stays for the next socket.
    auto& io = loop.sockets_.try_emplace(fd, loop.loop_, [&loop, fd](int events) { loop.act(fd, events); })
                   .first->second;
    if (what == CURL_POLL_REMOVE) {
      io.stop();
      return 0;
    }
    void* exchange = nullptr;
    if (curl().easy_getinfo(easy, CURLINFO_PRIVATE, &exchange) == CURLE_OK && exchange != nullptr) {
      static_cast<CurlExchange*>(exchange)->waited_ = true;
    }
    io.start(fd,
             ((what & CURL_POLL_IN) != 0 ? Io::kRead : 0) | ((what & CURL_POLL_OUT) != 0 ? Io::kWrite : 0));
    return 0;
  } catch (...) {
    loop.loop_.keep_exception();
    return -1;
  }
}

int CurlLoop::on_timer(CURLM*, long milliseconds, void* self) noexcept {
  auto& timer = static_cast<CurlLoop*>(self)->timer_;
  if (milliseconds < 0) {
    timer.stop();
  } else {
    timer.start(std::chrono::milliseconds(milliseconds));
  }
  return 0;
}

CurlExchange::CurlExchange(CurlLoop& loop, const CurlRequest& request, Take header, Take body, Done done)
    : loop_(loop),
      request_(request),
      header_(std::move(header)),
      body_(std::move(body)),
      done_(std::move(done)),
      headers_(nullptr, curl().slist_free_all),
      connect_to_(nullptr, curl().slist_free_all) {}

CurlExchange::~CurlExchange() {
  drop();
}

void CurlExchange::drop() {
  if (easy_ == nullptr) return;
  loop_.remove(easy_);
  curl().easy_cleanup(std::exchange(easy_, nullptr));
}

void CurlExchange::start() {
  easy_ = curl().easy_init();
  if (easy_ == nullptr) wrong_ = CURLE_OUT_OF_MEMORY;
  set_up();
  if (wrong_ != CURLE_OK) {
    ended(wrong_);
  } else if (!loop_.add(easy_)) {
    ended(CURLE_OUT_OF_MEMORY);
  }
}

void CurlExchange::set_up() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, words_.data());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_OPENSOCKETFUNCTION, on_open);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, on_close);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, this);
  // Each round shows anew that a connection can be had, and whom it is to.
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_CA_CACHE_TIMEOUT, kTrustSeconds);
  if (!request_.ca_file.empty()) {
    set(CURLOPT_CAINFO, request_.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set_up_request();
  set_up_way();
}

void CurlExchange::set_up_request() {
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_USERAGENT, "anyprobe");
  if (request_.method == HttpMethod::head) set(CURLOPT_NOBODY, 1L);
  if (request_.method == HttpMethod::connect) {
    set(CURLOPT_HTTPPROXYTUNNEL, 1L);
    set(CURLOPT_CONNECT_ONLY, 1L);
  }
  for (const auto& header : request_.headers) append(headers_, header);
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
  set(request_.method == HttpMethod::connect ? CURLOPT_PROXYHEADER : CURLOPT_HTTPHEADER, headers_.get());
}

// Whom to connect to, by address. Both ways leave the variables of the environment aside (http_proxy and its
// kin).
void CurlExchange::set_up_way() {
  const auto server = request_.target.server.to_string();
  if (!request_.proxy) {
    append(connect_to_, "::" + server);
    set(CURLOPT_CONNECT_TO, connect_to_.get());
    set(CURLOPT_PROXY, "");
    return;
  }
  set(CURLOPT_PROXY, ("http://" + server).c_str());
  set(CURLOPT_NOPROXY, "");
  if (!request_.username.empty()) {
    set(CURLOPT_PROXYAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_PROXYUSERNAME, request_.username.c_str());
    set(CURLOPT_PROXYPASSWORD, request_.password.c_str());
  }
}

void CurlExchange::append(List& list, const std::string& line) {
  auto* const longer = curl().slist_append(list.get(), line.c_str());
  if (longer == nullptr) {
    wrong_ = CURLE_OUT_OF_MEMORY;
    return;
  }
  (void)list.release();
  list.reset(longer);
}

// libcurl counts a connection as one only when TLS is set up.
bool CurlExchange::connected() const {
  sockaddr_storage peer;
  socklen_t length = sizeof peer;
  return easy_ != nullptr && socket_.fd >= 0 &&
         ::getpeername(socket_.fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

void CurlExchange::ended(CURLcode code) {
  const auto result = outcome(code);
  drop();
  done_(result);
}

CurlOutcome CurlExchange::outcome(CURLcode code) const {
  using End = CurlOutcome::End;
  if (socket_.error != 0) return {End::failed, socket_.call, socket_.error, true, {}};
  if (enough_) return {End::enough, nullptr, 0, false, {}};
  CurlOutcome out;
  out.end = end_of(code);
  if (code == CURLE_OK) return out;
  out.words = printable(words_.front() != '\0' ? words_.data() : curl().easy_strerror(code));
  if (easy_ == nullptr) return out;
  if (connected_to_itself()) return {End::failed, "connect", ECONNREFUSED, false, {}};
  long error = 0;
  curl().easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error);
  if (out.end == End::closed && error != 0) {
    out.end = End::failed;
    out.call = code == CURLE_COULDNT_CONNECT ? "connect" : code == CURLE_SEND_ERROR ? "send" : "receive";
    out.error = static_cast<int>(error);
    out.local = code == CURLE_COULDNT_CONNECT && !waited_;
  }
  long tunnel = 0;
  curl().easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &tunnel);
  if (tunnel != 0 && tunnel / 100 != 2) out.end = End::no_tunnel;
  if (thrown_) out.end = End::unable;
  return out;
}

// Where nobody listens on a port that the kernel may choose for us, it can choose just that one (RFC 9293,
// section 3.5: simultaneous open), and we hear what we said.
bool CurlExchange::connected_to_itself() const {
  const char* own = nullptr;
  long port = 0;
  if (curl().easy_getinfo(easy_, CURLINFO_LOCAL_IP, &own) != CURLE_OK || own == nullptr ||
      curl().easy_getinfo(easy_, CURLINFO_LOCAL_PORT, &port) != CURLE_OK) {
    return false;
  }
  const auto ip = IpAddress::parse(own);
  return ip && SocketAddress{*ip, static_cast<std::uint16_t>(port)} == request_.target.server;
}

std::size_t CurlExchange::take(const Take& taker, std::string_view octets) noexcept {
  try {
    if (taker(octets)) return octets.size();
    enough_ = true;
  } catch (...) {
    thrown_ = true;
  }
  return octets.empty() ? 1 : 0;  // another number than came: libcurl stops
}

std::size_t CurlExchange::on_header(char* octets, std::size_t one, std::size_t length, void* self) noexcept {
  auto& exchange = *static_cast<CurlExchange*>(self);
  return exchange.take(exchange.header_, {octets, one * length});
}

std::size_t CurlExchange::on_body(char* octets, std::size_t one, std::size_t length, void* self) noexcept {
  auto& exchange = *static_cast<CurlExchange*>(self);
  return exchange.take(exchange.body_, {octets, one * length});
}

curl_socket_t CurlExchange::on_open(void* self, curlsocktype, curl_sockaddr*) noexcept {
  auto& exchange = *static_cast<CurlExchange*>(self);
  exchange.socket_ = open_tcp_socket(exchange.request_.target);
  return exchange.socket_.fd >= 0 ? exchange.socket_.fd : CURL_SOCKET_BAD;
}

}  // namespace anyprobe
