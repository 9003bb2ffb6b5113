#include "core/web_server.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <stdexcept>
#include <vector>

#include "asking.hpp"
#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

const std::string kGood = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

std::string ask(const std::string& line, const std::string& more = "Host: localhost\r\n") {
  return line + " HTTP/1.1\r\n" + more + "Connection: close\r\n\r\n";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A server in the test's own loop, and clients that are plain sockets.
struct House {
  explicit House(WebLimits limits = {}) : server(loop, limits) {
    server.answer("/metrics", [this] {
      ++asked;
      if (throws) throw std::runtime_error("no memory");
      return WebReply{200, "text/plain; version=0.0.4; charset=utf-8", body};
    });
    server.stream("/events", [] { return server_sent_event("state", "first"); });
    open();
  }

  void open() {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    const SocketAddress any{IpAddress::parse("127.0.0.1").value(), 0};
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), any.to_sockaddr(address)) == 0);
    REQUIRE(::listen(socket.get(), 512) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    here.at = SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address));
    CHECK(server.listen(std::move(socket), here).empty());
  }

  bool wait_until(const std::function<bool()>& condition, Duration patience = 20s) {
    return turn_until(loop, condition, patience);
  }
  [[nodiscard]] Descriptor client(const std::string& says = {}, int buffer = 0) const {
    Descriptor out(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (buffer > 0) setsockopt(out.get(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    sockaddr_storage address{};
    const auto size = here.at.to_sockaddr(address);
    REQUIRE(connect(out.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(send(out.get(), says.data(), says.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(says.size()));
    return out;
  }
  // Whether the server has closed; what has come is added.
  static bool hear(const Descriptor& client, std::string& heard) {
    char octets[65536];
    ssize_t got = 0;
    while ((got = recv(client.get(), octets, sizeof octets, MSG_DONTWAIT)) > 0)
      heard.append(octets, static_cast<std::size_t>(got));
    return got == 0 || errno != EAGAIN;
  }
  std::string all(const Descriptor& client) {
    std::string out;
    return wait_until([&] { return hear(client, out); }) ? out : "never closed: " + out;
  }
  std::string answer_to(const std::string& request) { return all(client(request)); }

  EventLoop loop;
  std::string body = "anyprobe_service_up 1\n";
  bool throws = false;
  int asked = 0;
  WebAddress here;
  WebServer server;
};

}  // namespace

TEST_CASE("the web server answers who looks, and nobody else") {
  House house;
  const auto good = house.answer_to(kGood);
  CHECK(good.starts_with("HTTP/1.1 200 OK\r\n"));
  for (const auto* header : {"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
                             "Cache-Control: no-store\r\n", "X-Content-Type-Options: nosniff\r\n",
                             "X-Frame-Options: DENY\r\n", "Referrer-Policy: no-referrer\r\n",
                             "Content-Security-Policy: default-src 'none';", "Content-Length: 22\r\n"}) {
    CAPTURE(header);
    CHECK(has(good, header));
  }
  CHECK(good.ends_with("\r\n\r\nanyprobe_service_up 1\n"));

  const auto head = house.answer_to(ask("HEAD /metrics"));
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(has(head, "Content-Length: 22\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(house.asked == 2);

  const auto nothing = house.answer_to(ask("GET /metrics/"));
  CHECK(nothing.starts_with("HTTP/1.1 404 "));
  CHECK(has(nothing, "X-Frame-Options: DENY\r\n"));
  for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    CAPTURE(method);
    const auto refused = house.answer_to(ask(std::string(method) + " /metrics"));
    CHECK(refused.starts_with("HTTP/1.1 405 "));
    CHECK(has(refused, "Allow: GET, HEAD\r\n"));
  }
  const auto told = house.answer_to(ask("POST /metrics", "Host: localhost\r\nContent-Length: 3\r\n") + "a=b");
  CHECK(told.starts_with("HTTP/1.1 405 "));
  CHECK(house.asked == 2);
}

TEST_CASE("the web server refuses who was led to it from elsewhere") {
  House house;
  const auto own = house.here.to_string();
  for (const auto& headers :
       {"Host: evil.example\r\n", "Host: localhost.evil.example:9477\r\n", "Host: \r\n",
        "Host: localhost\r\nHost: evil.example\r\n", "Host: localhost\r\nOrigin: http://evil.example\r\n",
        "Host: localhost\r\nOrigin: null\r\n", "Host: localhost\r\nOrigin: http://localhost:1\r\n",
        "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example\r\n"}) {
    CAPTURE(headers);
    const auto refused = house.answer_to(ask("GET /metrics", headers));
    const bool is_refused = refused.starts_with("HTTP/1.1 403 ") || refused.starts_with("HTTP/1.1 400 ");
    CHECK_MESSAGE(is_refused, refused);
    CHECK_FALSE(has(refused, "anyprobe_service_up"));
  }
  CHECK(house.answer_to(ask("GET /events", "Host: evil.example\r\n")).starts_with("HTTP/1.1 403 "));
  CHECK(house.asked == 0);
  CHECK(house.answer_to(ask("GET /metrics", "Host: " + own + "\r\nOrigin: http://" + own + "\r\n"))
            .starts_with("HTTP/1.1 200 "));
  CHECK(house.answer_to(ask("GET /metrics", "")).starts_with("HTTP/1.1 400 "));
}

TEST_CASE("nonsense and endless headers cost their own connection alone") {
  House house;
  CHECK_FALSE(has(house.answer_to("\r\n\r\nnonsense\r\n\r\n"), " 200 "));
  const auto endless =
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n";
  CHECK_FALSE(has(house.answer_to(endless), " 200 "));
  house.throws = true;
  CHECK(house.answer_to(kGood).empty());
  house.throws = false;
  CHECK(has(house.answer_to(kGood), " 200 "));
}

TEST_CASE("a large answer arrives whole, also where its reader is slow") {
  House house;
  house.body.clear();
  for (int i = 0; i < 300'000; ++i) house.body += "anyprobe_service_up 1\n";
  const auto slow = house.client(kGood, 4096);
  const auto quick = house.answer_to(kGood);
  CHECK(quick.ends_with("\r\n\r\n" + house.body));
  CHECK(house.all(slow).ends_with("\r\n\r\n" + house.body));
}

TEST_CASE("who says nothing gives way to who does") {
  House house({.connections = 4});
  std::vector<Descriptor> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(house.client());
  CHECK(has(house.answer_to(kGood), " 200 "));
  CHECK(house.wait_until([&] { return house.server.connections() <= 4; }));
  std::string nothing;
  CHECK(house.wait_until([&] { return House::hear(silent.front(), nothing); }));
  CHECK(has(house.answer_to(kGood), " 200 "));
}

TEST_CASE("who asks nothing gives way before who asks") {
  House house({.connections = 3});
  std::string heard;
  SUBCASE("what is asked for has not been read yet") {
    const auto asks = house.client();
    const auto first = house.client();
    const auto second = house.client();
    REQUIRE(house.wait_until([&] { return house.server.connections() == 3; }));
    REQUIRE(send(asks.get(), kGood.data(), kGood.size(), MSG_NOSIGNAL) > 0);
    const auto late = house.client();
    CHECK(house.all(asks).starts_with("HTTP/1.1 200 OK\r\n"));
  }
  SUBCASE("it is half asked, others have got their answer") {
    const auto half = ask("GET /metrics").substr(0, 40);
    const auto rest = ask("GET /metrics").substr(40);
    const auto asks = house.client(half);
    REQUIRE(house.wait_until([&] { return house.server.connections() == 1; }));
    const auto done = house.client("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    std::string answer;
    REQUIRE(house.wait_until([&] { return !House::hear(done, answer) && answer.ends_with("up 1\n"); }));
    const auto silent = house.client();
    REQUIRE(house.wait_until([&] { return house.server.connections() == 3; }));
    const auto third = house.client(half);
    CHECK(house.wait_until([&] { return House::hear(done, answer); }));
    const auto fourth = house.client(half);
    CHECK(house.wait_until([&] { return House::hear(silent, answer); }));
    // Where all ask, the oldest goes.
    SUBCASE("and is answered") {
      REQUIRE(send(asks.get(), rest.data(), rest.size(), MSG_NOSIGNAL) > 0);
      CHECK(house.all(asks).starts_with("HTTP/1.1 200 OK\r\n"));
    }
    SUBCASE("and goes once all ask") {
      REQUIRE(house.wait_until([&] { return house.server.connections() == 3; }));
      const auto fifth = house.client(half);
      CHECK(house.wait_until([&] { return House::hear(asks, heard); }));
      CHECK_FALSE(House::hear(third, heard));
      CHECK_FALSE(House::hear(fourth, heard));
    }
  }
}

TEST_CASE("an idle connection is closed") {
  House house({.idle = 1s});
  const auto silent = house.client();
  CHECK(house.all(silent).empty());
  CHECK(house.wait_until([&] { return house.server.connections() == 0; }));
}

TEST_CASE("without descriptors, the web server waits and then goes on") {
  House house;
  const auto waiting = house.client(kGood);
  const auto behind = house.client(kGood);
  {
    const test::NoDescriptors none;
    // One by the reserve; the loop does not spin over the other.
    CHECK(has(house.all(waiting), " 200 "));
  }
  CHECK(has(house.all(behind), " 200 "));
}

TEST_CASE("a stream tells what is sent, until its reader goes") {
  House house({.beat = 20ms});
  const auto watching = house.client(ask("GET /events"));
  std::string heard;
  const auto hears = [&](const std::string& text) {
    return house.wait_until([&] { return !House::hear(watching, heard) && has(heard, text); });
  };
  CHECK(hears("event: state\ndata: first\n\n"));
  CHECK(has(heard, "Content-Type: text/event-stream\r\n"));
  CHECK(house.server.watchers("/events") == 1);
  CHECK(house.server.watchers("/metrics") == 0);
  house.server.send("/events", server_sent_event("state", "two\nlines"));
  CHECK(hears("event: state\ndata: two\ndata: lines\n\n"));
  CHECK(hears(":\n\n"));
  CHECK(house.answer_to(ask("HEAD /events")).starts_with("HTTP/1.1 405 "));
  {
    const auto leaving = house.client(ask("GET /events"));
    CHECK(house.wait_until([&] { return house.server.watchers("/events") == 2; }));
  }
  CHECK(house.wait_until([&] { return house.server.watchers("/events") == 1; }));
  house.server.send("/events", server_sent_event("state", "after"));
  CHECK(hears("data: after\n\n"));
  // With the socket, those who listen to it go.
  CHECK(house.server.listen(Descriptor(), {}).empty());
  CHECK(house.wait_until([&] { return House::hear(watching, heard); }));
  CHECK(house.server.watchers("/events") == 0);
  CHECK(house.server.connections() == 0);
  house.open();
  CHECK(has(house.answer_to(kGood), " 200 "));
}

TEST_CASE("who falls behind in a stream is dropped, the others are not") {
  House house({.streams = 2, .queue = 10'000});
  const auto slow = house.client(ask("GET /events"), 2048);
  const auto quick = house.client(ask("GET /events"));
  CHECK(house.wait_until([&] { return house.server.watchers("/events") == 2; }));
  CHECK(house.answer_to(ask("GET /events")).starts_with("HTTP/1.1 503 "));
  std::string heard;
  const auto event = server_sent_event("state", std::string(5000, 'x'));
  CHECK(house.wait_until([&] {
    house.server.send("/events", event);
    // Until the quick one has taken it.
    const auto before = heard.size();
    CHECK(
        house.wait_until([&] { return House::hear(quick, heard) || heard.size() >= before + event.size(); }));
    return house.server.watchers("/events") == 1;
  }));
  std::string rest;
  CHECK(house.wait_until([&] { return House::hear(slow, rest); }));
  CHECK(house.wait_until([&] { return house.server.connections() == 1; }));
  house.server.send("/events", server_sent_event("state", "after"));
  CHECK(house.wait_until([&] { return !House::hear(quick, heard) && has(heard, "data: after"); }));
}

TEST_CASE("streams do not give way to those who say nothing") {
  House house({.connections = 2, .streams = 2});
  const auto one = house.client(ask("GET /events"));
  const auto two = house.client(ask("GET /events"));
  CHECK(house.wait_until([&] { return house.server.watchers("/events") == 2; }));
  std::vector<Descriptor> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(house.client());
  CHECK(has(house.answer_to(kGood), " 200 "));
  CHECK(house.server.watchers("/events") == 2);
}

TEST_CASE("who asks for what is not known yet waits for it, and keeps nobody else waiting") {
  House house({.connections = 4});
  bool ready = false;
  int times = 0;
  house.server.wait_for("/metrics", [&] {
    ++times;
    return ready;
  });
  house.server.answer("/", [] { return WebReply{.body = "page"}; });
  const auto waits = house.client(kGood);
  REQUIRE(house.wait_until([&] { return times == 1; }));
  CHECK(has(house.answer_to(ask("GET /")), "page"));
  CHECK(has(house.answer_to(ask("POST /metrics")), "405"));
  CHECK(times == 1);
  std::string heard;
  CHECK_FALSE(house.hear(waits, heard));
  CHECK(house.asked == 0);
  house.body = "now\n";
  house.server.release();  // once is all it waits
  CHECK(has(house.all(waits), "now"));
  CHECK(times == 1);
  CHECK(house.asked == 1);
  ready = true;
  CHECK(has(house.answer_to(kGood), "now"));

  // They give way as others do, and go with the socket.
  ready = false;
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 20; ++i) {
    crowd.push_back(house.client(kGood));
    REQUIRE(house.wait_until([&] { return house.server.connections() > 0; }));
    CHECK(house.server.connections() <= 8);
  }
  CHECK(has(house.answer_to(ask("GET /")), "page"));
  CHECK(house.server.listen(Descriptor(), {}).empty());
  CHECK(house.server.connections() == 0);
}
