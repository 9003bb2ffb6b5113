// A name server on loopback that does what a test's script says, in the test's own event loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asking.hpp"
#include "core/event_loop.hpp"

namespace anyprobe::test {

using DnsPacket = std::vector<std::uint8_t>;

struct DnsRequest {
  DnsPacket bytes;
  bool tcp = false;
  int fd = -1;         // its connection, over TCP
  SocketAddress peer;  // whom to answer, over UDP
};

// An answer in the making: at first NOERROR with recursion available, to the request's question, and empty.
class DnsReply {
 public:
  explicit DnsReply(const DnsRequest& request);

  DnsReply& id(std::uint16_t id);
  DnsReply& rcode(unsigned rcode);
  DnsReply& truncated();
  DnsReply& authenticated();
  DnsReply& no_recursion();
  DnsReply& no_response();  // QR clear
  DnsReply& counts(std::uint16_t questions, std::uint16_t answers);
  DnsReply& answer(std::uint16_t type, const DnsPacket& data);  // of the question's name, ttl 60
  DnsReply& a(const std::string& address);
  DnsReply& aaaa(const std::string& address);
  DnsReply& txt(const std::string& text);
  DnsReply& cname(const std::string& name);
  DnsReply& append(const DnsPacket& octets);  // at the end, uncounted

  [[nodiscard]] const DnsPacket& bytes() const { return bytes_; }

 private:
  DnsPacket bytes_;
};

// The id of a message.
std::uint16_t id_of(const DnsPacket& message);

class DnsServer {
 public:
  using Script = std::function<void(DnsServer& server, const DnsRequest& request)>;
  enum class Listens { udp_and_tcp, udp_only };

  DnsServer(EventLoop& loop, Script script, const std::string& ip = "127.0.0.1",
            Listens listens = Listens::udp_and_tcp);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  [[nodiscard]] std::string address() const { return address_.to_string(); }
  [[nodiscard]] const std::vector<DnsRequest>& requests() const { return requests_; }

  void send(const DnsRequest& request, const DnsPacket& message);
  void send(const DnsRequest& request, const DnsReply& reply) { send(request, reply.bytes()); }
  void send_from_another_port(const DnsRequest& request, const DnsReply& reply);
  void send_octets(const DnsRequest& request,
                   const DnsPacket& octets);  // over TCP, with no length before them
  void hang_up(const DnsRequest& request, bool reset = false);

 private:
  struct Connection;

  void on_datagram();
  void on_connection();
  void on_octets(Connection& connection);

  EventLoop& loop_;
  Script script_;
  SocketAddress address_;
  int udp_ = -1;
  int tcp_ = -1;
  Io udp_io_;
  Io tcp_io_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<DnsRequest> requests_;
};

// A script that answers every request alike.
DnsServer::Script answers(std::function<void(DnsReply&)> fill);
DnsServer::Script says_nothing();

// An address of loopback where nobody listens.
std::string deserted_address();

}  // namespace anyprobe::test
