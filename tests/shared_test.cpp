// Probes that ask for what other nodes depend on too: what becomes of a service when they fail.
#include <doctest/doctest.h>

#include "core/command_line.hpp"
#include "core/config.hpp"
#include "core/health.hpp"
#include "core/tally.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

const Result kPass{Verdict::pass, Evidence::soft, "ok", ""};
const Result kTimeout{Verdict::fail, Evidence::soft, "timeout", "no answer from upstream"};
const Result kRefused{Verdict::fail, Evidence::conclusive, "refused", ""};
const Result kNotAsked{Verdict::local_error, Evidence::soft, "local_error", "no route"};

// The verdict on a service with so many probes of its own and so many that are shared, in this order.
std::string verdict(std::size_t need, const std::vector<Result>& own, const std::vector<Result>& shared) {
  Tally tally(own.size() + shared.size(), need, shared.size());
  std::optional<Result> out;
  for (const auto& one : shared) {
    const auto said = tally.add(one, true);
    if (!out) out = said;
  }
  for (const auto& one : own) {
    const auto said = tally.add(one);
    if (!out) out = said;
  }
  REQUIRE(out);
  if (out->verdict == Verdict::pass) return out->reason == kSharedFailed ? "passes in spite of it" : "passes";
  return out->verdict == Verdict::fail ? "fails" : "could not be asked";
}

std::vector<std::string> errors_of(const std::string& probes) {
  static EventLoop loop;
  PluginTable plugins(builtin_probes());
  ConfigErrors errors;
  CommandLine line;
  line.program = "anyprobe";
  const std::vector<SourceFile> files{
      {"anyprobe.json",
       R"({"services": [{"name": "dns", )" + probes + R"(, "advertise": [{"address": "192.0.2.1"}]}]})"}};
  const auto documents = assemble(line, files, errors);
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  if (errors.empty()) (void)load_config(documents, context, errors);
  return errors.lines();
}

struct Patient {
  std::optional<HealthEvent> passes() { return hears(kPass); }
  std::optional<HealthEvent> passes_in_spite() {
    return hears({Verdict::pass, Evidence::soft, kSharedFailed, "timeout; the service itself passes"});
  }
  std::optional<HealthEvent> hears(const Result& result) {
    now += 1s;
    return health.observe(result, now);
  }
  void comes_up() {
    while (health.state() != HealthState::up) passes();
  }

  TimePoint now{1000s};
  Health health{{.rise = 2, .fall = 3, .hold_down = {}, .stale_after = 10s, .damping = {}}, now};
};

}  // namespace

TEST_CASE("shared, all required: it passes in spite of it as long as all of its own pass") {
  CHECK(verdict(2, {kPass}, {kTimeout}) == "passes in spite of it");
  CHECK(verdict(3, {kPass, kPass}, {kTimeout}) == "passes in spite of it");
  CHECK(verdict(3, {kPass}, {kTimeout, kRefused}) == "passes in spite of it");
  CHECK(verdict(3, {kPass, kTimeout}, {kTimeout}) == "fails");
  CHECK(verdict(3, {kPass, kTimeout}, {kPass}) == "fails");
  CHECK(verdict(2, {kPass}, {kPass}) == "passes");
  CHECK(verdict(2, {kTimeout}, {kPass}) == "fails");
  CHECK(verdict(2, {kTimeout}, {kTimeout}) == "fails");
}

TEST_CASE("shared, any required: a failure of it changes nothing, and a pass of it is one as of any other") {
  CHECK(verdict(1, {kPass}, {kTimeout}) == "passes");
  CHECK(verdict(1, {kTimeout}, {kPass}) == "passes");
  CHECK(verdict(1, {kTimeout}, {kTimeout}) == "fails");
}

TEST_CASE("shared, two of three required: it counts as passing, so that one of its own is enough") {
  CHECK(verdict(2, {kPass, kTimeout}, {kTimeout}) == "passes in spite of it");
  CHECK(verdict(2, {kPass, kTimeout}, {kPass}) == "passes");
  CHECK(verdict(2, {kPass, kPass}, {kTimeout}) == "passes");
  CHECK(verdict(2, {kTimeout, kTimeout}, {kPass}) == "fails");
  CHECK(verdict(3, {kPass, kTimeout, kTimeout}, {kTimeout}) == "fails");
  // What shared ones pass is not enough by itself where one of its own has to.
  CHECK(verdict(2, {kTimeout}, {kPass, kTimeout}) == "fails");
  CHECK(verdict(2, {kPass}, {kTimeout, kTimeout}) == "passes in spite of it");
}

TEST_CASE("shared: what cannot be asked is no other than what fails") {
  CHECK(verdict(2, {kPass}, {kNotAsked}) == "passes in spite of it");
  CHECK(verdict(2, {kNotAsked}, {kTimeout}) == "could not be asked");
  CHECK(verdict(2, {kNotAsked}, {kPass}) == "could not be asked");
  CHECK(verdict(2, {kTimeout}, {kNotAsked}) == "fails");
}

TEST_CASE("shared: whatever they say, one of its own that passes gives the same verdict") {
  const std::vector<Result> all{kPass, kTimeout, kRefused, kNotAsked};
  for (std::size_t need = 1; need <= 4; ++need) {
    for (const auto& own : all) {
      const auto good = verdict(need, {kPass, own}, {kPass, kPass});
      for (const auto& first : all) {
        for (const auto& second : all) {
          CAPTURE(need);
          CAPTURE(own.reason);
          CHECK(verdict(need, {kPass, own}, {first, second}).substr(0, 6) == good.substr(0, 6));
        }
      }
    }
  }
}

TEST_CASE("shared: it is waited for, and its own failure is not") {
  Tally tally(2, 2, 1);
  CHECK_FALSE(tally.add(kPass));
  const auto said = tally.add(kTimeout, true);
  REQUIRE(said);
  CHECK(said->detail == "timeout, no answer from upstream; the service itself passes");
  tally.reset();
  CHECK(tally.add(kTimeout)->verdict == Verdict::fail);
}

TEST_CASE("shared: whether its own failure is certain does not depend on them") {
  Tally tally(2, 2, 1);
  CHECK_FALSE(tally.add(kTimeout, true));
  const auto said = tally.add(kRefused);
  REQUIRE(said);
  CHECK(said->reason == "refused");
  CHECK(said->evidence == Evidence::conclusive);
}

TEST_CASE(
    "shared: that it fails is told after `fall` such answers, and that it does no more after `rise` others") {
  Patient p;
  p.comes_up();
  CHECK_FALSE(p.passes_in_spite());
  CHECK_FALSE(p.passes_in_spite());
  CHECK_FALSE(p.health.shared_failure());
  const auto begins = p.passes_in_spite();
  REQUIRE(begins);
  CHECK(begins->kind == HealthEvent::Kind::shared_fails);
  CHECK(p.health.state() == HealthState::up);
  REQUIRE(p.health.shared_failure());
  CHECK(p.health.shared_failure()->detail == "timeout; the service itself passes");
  for (int i = 0; i < 10; ++i) CHECK_FALSE(p.passes_in_spite());
  CHECK_FALSE(p.passes());
  CHECK_FALSE(p.passes_in_spite());
  CHECK_FALSE(p.passes());
  const auto ends = p.passes();
  REQUIRE(ends);
  CHECK(ends->kind == HealthEvent::Kind::shared_passes);
  CHECK(ends->lasted == 14s);
  CHECK_FALSE(p.health.shared_failure());
}

TEST_CASE("shared: a service comes up in spite of it, or nobody would after a day on which all were down") {
  Patient p;
  CHECK_FALSE(p.passes_in_spite());
  const auto up = p.passes_in_spite();
  REQUIRE(up);
  CHECK(up->to == HealthState::up);
  CHECK(up->reason == kSharedFailed);
  CHECK(p.health.shared_failure());
  for (int i = 0; i < 10; ++i) CHECK_FALSE(p.passes_in_spite());
  CHECK_FALSE(p.passes());
  const auto ends = p.passes();
  REQUIRE(ends);
  CHECK(ends->kind == HealthEvent::Kind::shared_passes);
  CHECK(ends->reason == "ok");
}

TEST_CASE("shared: once the service itself is down, that is all there is to say") {
  Patient p;
  p.comes_up();
  for (int i = 0; i < 3; ++i) p.passes_in_spite();
  REQUIRE(p.health.shared_failure());
  CHECK_FALSE(p.hears(kRefused));
  CHECK(p.health.shared_failure());
  p.hears(kRefused);
  const auto down = p.hears(kRefused);
  REQUIRE(down);
  CHECK(down->reason == "refused");
  CHECK_FALSE(p.health.shared_failure());
}

TEST_CASE("shared: what is wrong with it in a configuration") {
  CHECK(errors_of(R"("probes": [{"type": "dns"}, {"type": "dns", "server": "192.0.2.53", "shared": true}])")
            .empty());
  CHECK(errors_of(R"("probe": {"type": "dns", "shared": false})").empty());
  CHECK(errors_of(R"("probe": {"type": "dns", "shared": true})") ==
        std::vector<std::string>{
            "anyprobe.json: services[0].probe.shared: is for one of several \"probes\": the "
            "only one says whether the service itself works"});
  const std::vector<std::string> all{
      "anyprobe.json: services[0].probes: are all shared: none says whether the service itself works"};
  CHECK(errors_of(R"("probes": [{"type": "dns", "shared": true}])") == all);
  CHECK(errors_of(
            R"("probes": [{"type": "dns", "shared": true}, {"type": "tcp", "ports": 53, "shared": true}])") ==
        all);
  CHECK(errors_of(R"("probes": [{"type": "dns"}, {"type": "dns", "shared": "yes"}])") ==
        std::vector<std::string>{
            "anyprobe.json: services[0].probes[1].shared: \"yes\" is neither true nor false"});
  CHECK(errors_of(R"("shared": true, "probe": {"type": "dns"})").size() == 1);
}

TEST_CASE("shared: no module has an option of this name") {
  static constexpr OptionSpec kOptions[] = {{.name = "shared", .help = "something"}};
  static constexpr ProbePlugin kModule{
      .type = "module", .options = kOptions, .create = [](EventLoop&, Options&) -> std::unique_ptr<Probe> {
        return nullptr;
      }};
  PluginTable plugins(builtin_probes());
  CHECK(plugins.add(kModule) == "has an option \"shared\", which is a key of every probe");
}
