#include <doctest/doctest.h>
#include <sys/socket.h>

#include <functional>
#include <vector>

#include "core/agent_message.hpp"
#include "core/line_server.hpp"
#include "core/named_sockets.hpp"
#include "loaded_config.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

std::string reply(const std::vector<AgentService>& services) {
  return agent_reply(services);
}

constexpr AgentService kUp{"web", HealthState::up, false, true, "ok"};
constexpr AgentService kDown{"dns", HealthState::down, false, false, "refused"};
constexpr AgentService kNew{"sip", HealthState::unknown, false, false, ""};
constexpr AgentService kHeld{"ntp", HealthState::unknown, false, true, ""};

LoadedConfig load(const std::string& text) {
  return loaded_from({{"anyprobe.json", text, SourceFile::Role::configuration}});
}

void check_error(const LoadedConfig& loaded, const std::string& line) {
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors.front() == line);
}

AgentService drained(AgentService service) {
  service.drained = true;
  return service;
}

// A line server at a port of its own, and clients.
struct Port {
  explicit Port(LineLimits limits)
      : server(
            loop,
            [this](std::string_view line) {
              asked.emplace_back(line);
              return answer;
            },
            limits) {
    auto opened = listen_at(SocketAddress{*IpAddress::parse("127.0.0.1"), 0});
    REQUIRE(opened);
    length = sizeof place;
    REQUIRE(getsockname(opened->get(), reinterpret_cast<sockaddr*>(&place), &length) == 0);
    server.listen(std::move(opened).value());
  }

  // What comes until the server closes.
  std::string ask(const std::string& says) {
    Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(client.get(), reinterpret_cast<sockaddr*>(&place), length) == 0);
    REQUIRE(send(client.get(), says.data(), says.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(says.size()));
    std::string out;
    const auto end = Clock::now() + 10s;
    Timer tick(loop, [&] { tick.start(1ms); });
    tick.start(1ms);
    while (Clock::now() < end) {
      ev_run(loop.raw(), EVRUN_ONCE);
      char octets[512];
      const auto got = recv(client.get(), octets, sizeof octets, MSG_DONTWAIT);
      if (got == 0) return out;
      if (got > 0) out.append(octets, static_cast<std::size_t>(got));
    }
    return "never closed: " + out;
  }

  EventLoop loop;
  std::string answer = "up ready\n";
  std::vector<std::string> asked;
  sockaddr_storage place{};
  socklen_t length = 0;
  LineServer server;
};

}  // namespace

TEST_CASE("agent: a request is a name, or none") {
  const auto name_of = [](std::string_view line) {
    const auto name = parse_agent_request(line);
    return name ? *name : "wrong: " + name.error();
  };
  CHECK(name_of("web") == "web");
  CHECK(name_of("web\r") == "web");
  CHECK(name_of("").empty());
  CHECK(name_of("\r").empty());
  CHECK(name_of("GET / HTTP/1.1").starts_with("wrong: \"GET / HTTP/1.1\" is no name"));
  CHECK(name_of(std::string(kLongestAgentRequest, 'a')) == "wrong: the request is too long");
  CHECK(name_of("web\rdns").starts_with("wrong: "));
}

TEST_CASE("agent: what HAProxy is told of a service") {
  CHECK(reply({kUp}) == "up ready\n");
  CHECK(reply({kDown}) == "down ready #refused\n");
  CHECK(reply({drained(kUp)}) == "up drain\n");
  CHECK(reply({drained(kDown)}) == "down drain #refused\n");
  CHECK(reply({kNew}) == "down ready #not known yet\n");
  // After a restart of the daemon: neither up nor down is news.
  CHECK(reply({kHeld}) == "ready\n");
  CHECK(reply({}) == "down ready #there is no such service\n");
}

TEST_CASE("agent: of several services the worst counts") {
  CHECK(reply({kUp, kUp}) == "up ready\n");
  CHECK(reply({kUp, kDown, kNew}) == "down ready #dns: refused\n");
  CHECK(reply({kUp, kNew, kDown}) == "down ready #dns: refused\n");
  CHECK(reply({kUp, kNew}) == "down ready #sip: not known yet\n");
  CHECK(reply({kUp, kHeld}) == "ready\n");
  CHECK(reply({drained(kUp), kUp}) == "up drain\n");
}

TEST_CASE("agent: a reason of a module breaks no line") {
  const AgentService odd{"x", HealthState::down, false, false, "two\r\nlines\x80"};
  CHECK(reply({odd}) == "down ready #two??lines?\n");
  const std::string longest(1000, 'a');
  CHECK(reply({AgentService{"x", HealthState::down, false, false, longest}}).size() < 160);
}

TEST_CASE("line server: who says nothing is answered after the hearing, if there is one") {
  Port port({.longest = 16, .patience = 5s, .hearing = 20ms});
  CHECK(port.ask("web\n") == "up ready\n");
  CHECK(port.ask("") == "up ready\n");
  CHECK(port.ask("dns") == "up ready\n");
  CHECK(port.ask(std::string(40, 'a')) == "up ready\n");
  CHECK(port.asked == std::vector<std::string>{"web", "", "dns", std::string(16, 'a')});
  port.answer.clear();
  CHECK(port.ask("web\n").empty());
  CHECK(port.server.clients() == 0);
}

TEST_CASE("line server: without a hearing, who says nothing is not answered") {
  Port port({.patience = 100ms});
  CHECK(port.ask("web").empty());
  CHECK(port.asked.empty());
}

TEST_CASE("agent: where it listens is configured") {
  const auto agent_of = [](const std::string& value) {
    const auto loaded = load(R"({"services": [], "agent": )" + value + "}");
    REQUIRE(loaded.errors.empty());
    return loaded.config.agent ? loaded.config.agent->to_string() : "nowhere";
  };
  CHECK(agent_of(R"({"listen": "192.0.2.7:80"})") == "192.0.2.7:80");
  CHECK(agent_of(R"({"listen": "::"})") == "[::]:9707");
  CHECK(agent_of("{}") == "nowhere");
  check_error(load(R"({"services": [], "agent": {"listen": "here"}})"),
              "anyprobe.json: agent.listen: \"here\" is no IP address, nor one with a port (try 127.0.0.1 or "
              "[::1]:53)");
  check_error(load(R"({"services": [], "agent": {"port": 1}})"),
              "anyprobe.json: agent.port: is not known here");
}

TEST_CASE("who has an agent or a hook may announce nothing") {
  const std::string service =
      R"({"services": [{"name": "web", "probe": {"type": "tcp", "host": "127.0.0.1", "ports": [80]}, "advertise": [])";
  check_error(load(service + "}]}"),
              "anyprobe.json: services[0].advertise: is empty: there is nothing to announce");
  CHECK(load(service + R"(}], "agent": {"listen": "127.0.0.1"}})").errors.empty());
  CHECK(load(service + R"(}], "agent": {"listen": "here"}})").errors.size() == 1);
  CHECK(load(service + R"(, "on_down": ["/bin/true"]}]})").errors.empty());
}
