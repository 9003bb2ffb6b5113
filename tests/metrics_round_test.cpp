// Metrics that are made little by little.
#include "core/metrics_round.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

struct Daemon {
  InstanceStatus is;
  std::size_t most_at_once = 0;
  int rounds = 0;
  std::optional<InstanceStatus> beside{};

  explicit Daemon(std::size_t count) {
    is.name = "anyprobe";
    is.version = "1";
    is.pid = 1;
    is.counts.emplace();
    grow(count);
  }

  void grow(std::size_t count) {
    while (is.services.size() < count) {
      ServiceStatus service;
      service.name = "s" + std::to_string(is.services.size());
      service.counts.emplace();
      service.advertise.push_back({"192.0.2.1/32 on lo", AdvertisementState::announced});
      is.services.push_back(service);
    }
  }

  MetricsRound::Source source() {
    return {.head =
                [this] {
                  ++rounds;
                  auto out = is;
                  out.services.clear();
                  return out;
                },
            .services =
                [this](std::size_t first, std::size_t count) {
                  const auto begin = std::min(first, is.services.size());
                  const auto end = std::min(first + count, is.services.size());
                  most_at_once = std::max(most_at_once, end - begin);
                  return std::vector(is.services.begin() + static_cast<std::ptrdiff_t>(begin),
                                     is.services.begin() + static_cast<std::ptrdiff_t>(end));
                },
            .beside = [this] { return beside; }};
  }

  [[nodiscard]] std::string at_once() const {
    Survey all;
    all.instances.push_back(is);
    if (beside) all.instances.push_back(*beside);
    return *metrics_text(all);
  }
};

}  // namespace

TEST_CASE("metrics round: of few services they are there at once") {
  EventLoop loop;
  Daemon daemon(7);
  MetricsRound round(loop, daemon.source(), [] { FAIL("nobody waits"); });
  CHECK(round.settled());
  CHECK(*round.text() == daemon.at_once());
}

TEST_CASE("metrics round: of many they are made little by little, and are the same") {
  EventLoop loop;
  Daemon daemon(1650);
  daemon.beside = Daemon(3).is;
  daemon.beside->name = "anyprobe-modules";
  bool made = false;
  MetricsRound round(loop, daemon.source(), [&] { made = true; });
  int turns = 0;
  Timer beat(loop, [&] {
    ++turns;
    beat.start(100us);
  });
  beat.start(100us);
  CHECK_FALSE(round.settled());
  CHECK_FALSE(round.settled());  // it is under way
  CHECK(turn_until(loop, [&] { return made; }));
  CHECK(round.settled());
  CHECK(*round.text() == daemon.at_once());
  CHECK(daemon.rounds == 1);
  CHECK(daemon.most_at_once < 300);
  CHECK(turns >= 5);
}

TEST_CASE("metrics round: services that are replaced meanwhile are told as they are now") {
  EventLoop loop;
  Daemon daemon(900);
  bool made = false;
  MetricsRound round(loop, daemon.source(), [&] { made = true; });
  CHECK_FALSE(round.settled());
  daemon.is.services.clear();
  daemon.grow(450);
  round.begin_anew();
  CHECK(turn_until(loop, [&] { return made; }));
  CHECK(*round.text() == daemon.at_once());
  round.begin_anew();
  CHECK_FALSE(round.settled());
}

TEST_CASE("metrics round: who has not waited is told all the same") {
  EventLoop loop;
  Daemon daemon(450);
  MetricsRound round(loop, daemon.source(), [] {});
  CHECK_FALSE(round.settled());
  CHECK(*round.text() == daemon.at_once());
}
