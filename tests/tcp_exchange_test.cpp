// What is said on a connection after something was heard.
#include "probes/tcp_exchange.hpp"

#include <doctest/doctest.h>

#include "asking.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

std::string text(TcpExchange::Octets octets) {
  return {octets.begin(), octets.end()};
}

TcpExchange::Octets octets(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("more is said in answer to what comes, and reading goes on") {
  EventLoop loop;
  TcpServer server(loop, [](TcpServer::Connection& connection) {
    if (connection.heard == "one") connection.say("1");
    if (connection.heard == "onetwo") connection.say("2");
    if (connection.heard == "onetwothree") connection.say("3");
  });
  const TcpTarget target{*SocketAddress::parse(server.address(), 0), {}, {}};
  std::optional<TcpOutcome> outcome;
  TcpExchange exchange(loop, target, [&](const TcpOutcome& done) {
    outcome = done;
    loop.stop();
  });
  const std::string first = "one";
  exchange.start(octets(first), [&](TcpExchange::Octets received) {
    const auto so_far = text(received);
    if (so_far == "1") exchange.say(octets(std::string("two")));
    if (so_far == "12") exchange.say(octets(std::string("three")));
    return so_far == "123";
  });
  Timer deadline(loop, [&] { loop.stop(); });
  deadline.start(std::chrono::seconds(10));
  loop.run();
  REQUIRE(outcome);
  CHECK(outcome->end == TcpOutcome::End::enough);
  CHECK(server.connections().front()->heard == "onetwothree");
}

TEST_CASE("what is said goes behind what is still unsent") {
  EventLoop loop;
  const std::string first(20'000'000, 'a');  // more than the buffers take
  const std::string second(1'000'000, 'b');
  TcpServer server(loop, [&](TcpServer::Connection& connection) {
    if (connection.heard.empty()) connection.say("go on");  // before it has read anything
    if (connection.heard.size() == first.size() + second.size()) connection.say("!");
  });
  const TcpTarget target{*SocketAddress::parse(server.address(), 0), {}, {}};
  std::optional<TcpOutcome> outcome;
  TcpExchange exchange(loop, target, [&](const TcpOutcome& done) {
    outcome = done;
    loop.stop();
  });
  bool said = false;
  exchange.start(octets(first), [&](TcpExchange::Octets received) {
    if (!said) exchange.say(octets(second));
    said = true;
    return text(received).ends_with('!');
  });
  Timer deadline(loop, [&] { loop.stop(); });
  deadline.start(std::chrono::seconds(10));
  loop.run();
  REQUIRE(outcome);
  CHECK(outcome->end == TcpOutcome::End::enough);
  CHECK(server.connections().front()->heard == first + second);
}
