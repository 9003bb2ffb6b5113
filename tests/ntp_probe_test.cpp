// The ntp probe against a time server on loopback that does what each test says.
#include "probes/ntp_probe.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <set>

#include "asking.hpp"
#include "datagram_server.hpp"
#include "probes/ntp_packet.hpp"

using namespace anyprobe;
using namespace anyprobe::test;
using namespace std::chrono_literals;

namespace {

using Datagram = DatagramServer::Datagram;
using Octets = std::vector<std::uint8_t>;

void put(Octets& packet, std::size_t at, NtpTime time) {
  for (std::size_t i = 0; i < 8; ++i) packet[at + i] = static_cast<std::uint8_t>(time >> (56 - 8 * i));
}

// What a server of stratum 2 says whose clock is `ahead` of ours.
Octets reply_to(const Datagram& question, std::chrono::system_clock::duration ahead = 0s) {
  Octets out(kNtpHeader);
  out[0] = 4U << 3U | 4U;
  out[1] = 2;
  std::copy(question.octets.begin() + 40, question.octets.end(), out.begin() + 24);
  const auto now = to_ntp_time(std::chrono::system_clock::now() + ahead);
  put(out, 32, now);
  put(out, 40, now);
  return out;
}

Asking ask(EventLoop& loop, const DatagramServer& server, const std::string& more = "") {
  return Asking(loop, R"({"server": ")" + server.address() + "\"" + more + "}", kNtpProbe);
}

// The result of one round with a server that answers so, its detail without the server's name.
Result answered_by(const std::function<Octets(const Datagram&)>& reply, const std::string& more = "") {
  EventLoop loop;
  DatagramServer server(
      loop, [&](DatagramServer& at, const Datagram& question) { at.send(question.from, reply(question)); });
  auto it = ask(loop, server, more);
  auto result = it.wait();
  CHECK(result.detail.starts_with(server.address() + ": "));
  result.detail.erase(0, server.address().size() + 2);
  return result;
}

const std::string kNoResend = R"(, "resend": "1h")";

}  // namespace

TEST_CASE("a time server that answers passes, over both families") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    DatagramServer server(
        loop,
        [](DatagramServer& at, const Datagram& question) { at.send(question.from, reply_to(question)); }, ip);
    auto it = ask(loop, server);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.reason == "ok");
    CHECK(result.detail.starts_with(server.address() + ": stratum 2, offset "));
    CHECK(server.received().front().octets.size() == kNtpHeader);
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
}

TEST_CASE(
    "each question has an origin of its own, in a round and between rounds, and an answer to any passes") {
  EventLoop loop;
  DatagramServer server(loop);
  auto it = ask(loop, server, R"(, "resend": "10ms")");
  CHECK(it.wait_until([&] { return server.received().size() >= 4; }));
  it.again();
  CHECK(it.wait_until([&] { return server.received().size() >= 8; }));
  std::set<Octets> origins;
  for (const auto& question : server.received()) {
    CHECK(question.octets[0] == 0x23);
    CHECK(Octets(question.octets.begin() + 1, question.octets.begin() + 40) == Octets(39));
    origins.insert(Octets(question.octets.begin() + 40, question.octets.end()));
  }
  CHECK(origins.size() == server.received().size());

  CHECK_FALSE(it.result());
  const auto late = server.received().front();  // of the round before
  server.send(server.received().back().from, reply_to(late));
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with("(1 reply to something else)"); }));
  const auto first =
      *std::find_if(server.received().begin(), server.received().end(),
                    [&](const Datagram& one) { return one.from == server.received().back().from; });
  server.send(first.from, reply_to(first));
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a question sent again is timed from when it was sent again") {
  EventLoop loop;
  DatagramServer server(loop, [](DatagramServer& at, const Datagram& question) {
    if (at.received().size() == 4) at.send(question.from, reply_to(question, -100ms));
  });
  auto it = ask(loop, server, R"(, "resend": "150ms", "max_offset": "10ms")");
  const auto result = it.wait();
  CHECK(result.reason == "offset");  // a round trip from the first one would leave 225 ms open
}

TEST_CASE("forged, foreign and malformed replies are read past") {
  EventLoop loop;
  DatagramServer server(loop, [](DatagramServer& at, const Datagram& question) {
    auto forged = reply_to(question);
    forged[31] ^= 1U;
    at.send(question.from, forged);
    auto no_origin = reply_to(question);
    put(no_origin, 24, 0);
    at.send(question.from, no_origin);
    auto other_mode = reply_to(question);
    other_mode[0] = 4U << 3U | 5U;
    at.send(question.from, other_mode);
    at.send(question.from, question.octets);  // an echo
    auto cut = reply_to(question);
    cut.pop_back();
    at.send(question.from, cut);
    at.send(question.from, Octets());
  });
  auto it = ask(loop, server, kNoResend);
  const auto owed =
      "no answer from " + server.address() + " (2 replies to something else, 4 datagrams that are no reply)";
  CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
  CHECK_FALSE(it.result());
  const auto question = server.received().front();
  server.send(question.from, reply_to(question));
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("silence is reported by nobody, and its likely causes are named") {
  EventLoop loop;
  DatagramServer server(loop);
  auto it = ask(loop, server);
  CHECK(it.wait_until([&] { return server.received().size() >= 2; }));
  CHECK_FALSE(it.result());
  CHECK(it.waiting_for() ==
        "no answer from " + server.address() + " (it hangs, does not allow us to ask, or limits our rate)");
}

TEST_CASE("a port nobody listens on refuses") {
  EventLoop loop;
  DatagramServer server(loop);
  server.stop();
  auto it = ask(loop, server);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.reason == "refused");
}

TEST_CASE("the server that goes away between two questions refuses") {
  EventLoop loop;
  DatagramServer server(loop);
  auto it = ask(loop, server, R"(, "resend": "10ms")");
  CHECK(it.wait_until([&] { return !server.received().empty(); }));
  server.stop();
  CHECK(it.wait().evidence == Evidence::conclusive);
}

TEST_CASE("the limits come from the options") {
  CHECK(answered_by([](const Datagram& question) { return reply_to(question, 400ms); }).verdict ==
        Verdict::pass);
  const auto off = answered_by([](const Datagram& question) { return reply_to(question, -900s); },
                               R"(, "max_offset": "10m")");
  CHECK(off.verdict == Verdict::fail);
  CHECK(off.reason == "offset");
  CHECK(off.detail.ends_with(" behind ours, above 600.000 s"));
  const auto good = answered_by([](const Datagram& question) { return reply_to(question, 599s); },
                                R"(, "max_offset": "10m")");
  CHECK(good.verdict == Verdict::pass);
  CHECK(answered_by([](const Datagram& question) { return reply_to(question); }, R"(, "max_stratum": 1)")
            .detail == "stratum 2 is above 1");
  const auto far = [](const Datagram& question) {
    auto out = reply_to(question);
    out[9] = 5;  // of the root dispersion's seconds
    return out;
  };
  CHECK(answered_by(far).reason == "distance");
  CHECK(answered_by(far, R"(, "max_distance": "5s")").verdict == Verdict::pass);
}

TEST_CASE("an unsynchronised server fails, and one that limits our rate is not at fault") {
  const auto unsynchronised = answered_by([](const Datagram& question) {
    auto out = reply_to(question);
    out[0] |= 3U << 6U;
    return out;
  });
  CHECK(unsynchronised.reason == "unsynchronised");
  const auto rate = answered_by([](const Datagram& question) {
    auto out = reply_to(question);
    out[1] = 0;
    std::copy_n("RATE", 4, out.begin() + 12);
    return out;
  });
  CHECK(rate.verdict == Verdict::local_error);
}

TEST_CASE("without a descriptor nothing is asked") {
  EventLoop loop;
  DatagramServer server(loop);
  auto it = ask(loop, server);
  it.cancel();
  const NoDescriptors none;
  it.again();
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail == server.address() + ": socket: Too many open files");
}

TEST_CASE("it asks from the source and through the device, and tells its endpoint") {
  EventLoop loop;
  DatagramServer server(
      loop, [](DatagramServer& at, const Datagram& question) { at.send(question.from, reply_to(question)); });
  auto it = ask(loop, server, R"(, "source": "127.0.0.2", "bind_device": "lo")");
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.received().front().from.ip.to_string() == "127.0.0.2");
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 1);
  CHECK(endpoints[0].address.to_string() == server.address());
  CHECK(endpoints[0].protocol == Protocol::udp);
  CHECK(endpoints[0].device == "lo");
  const Asking usual(loop, "{}", kNtpProbe);
  CHECK(usual.probe().endpoints().front().address.to_string() == "127.0.0.1:123");
}

TEST_CASE("the ntp probe declares every option with its help, and each error names its option") {
  CHECK(std::string(kNtpProbe.type) == "ntp");
  CHECK(kNtpProbe.program == nullptr);
  for (const auto& option : kNtpProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
  const auto error_of = [](const std::string& options) {
    const auto lines = errors_of("{" + options + "}", kNtpProbe);
    REQUIRE(lines.size() == 1);
    return lines.front();
  };
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(R"("max_stratum": 0)"), "max_stratum: 0 is not from 1 to 15");
  has(error_of(R"("max_stratum": 16)"), "max_stratum: 16 is not from 1 to 15");
  has(error_of(R"("max_offset": "0s")"), "max_offset: ");
  has(error_of(R"("max_offset": 1)"), "max_offset: ");
  has(error_of(R"("max_distance": "0ms")"), "max_distance: ");
  has(error_of(R"("resend": "1ms")"), "resend: ");
  has(error_of(R"("server": "192.0.2.1", "source": "2001:db8::1")"), "source: ");
  has(error_of(R"("server": "not a name")"), "server: ");
  has(error_of(R"("stratum": 1)"), "stratum");
  CHECK(errors_of(R"({"server": "ntp.example.org:1123", "max_offset": "8760h", "bind_device": "lo"})",
                  kNtpProbe)
            .empty());
}
