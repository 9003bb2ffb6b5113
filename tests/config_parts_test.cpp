// A configuration with modules, read by each of the processes that read it.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/command_line.hpp"
#include "core/config.hpp"
#include "module_folder.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;

namespace {

struct Counts {
  int made = 0;
  int prepared = 0;
};
Counts plain_counts;
Counts added_counts;

class CountedProbe final : public Probe {
 public:
  explicit CountedProbe(Counts& counts) : counts_(counts) { ++counts_.made; }
  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return {}; }
  void prepare(Options&) override { ++counts_.prepared; }
  std::unique_ptr<Attempt> start(ResultSink&) override { return std::make_unique<Attempt>(); }

 private:
  Counts& counts_;
};

constexpr OptionSpec kOptions[] = {{.name = "path", .help = "something"}};

constexpr ProbePlugin kPlain{.type = "plain",
                             .summary = "is part of the program",
                             .options = kOptions,
                             .create = [](EventLoop&, Options&) -> std::unique_ptr<Probe> {
                               return std::make_unique<CountedProbe>(plain_counts);
                             }};
constexpr ProbePlugin kAdded{.type = "added",
                             .summary = "is a user's",
                             .options = kOptions,
                             .create = [](EventLoop&, Options&) -> std::unique_ptr<Probe> {
                               return std::make_unique<CountedProbe>(added_counts);
                             }};
constexpr const ProbePlugin* kBuiltIn[] = {&kPlain};
constexpr AbsentProbe kAbsent[] = {{"absent", nullptr, "a library"}};

struct Loaded {
  Config config;
  std::vector<std::string> errors;
};

// As a prober of that part reads it, or (without one) the keeper. Only who has modules knows "added".
Loaded load(const std::string& text, std::optional<ProberPart> part) {
  static EventLoop loop;
  plain_counts = added_counts = {};
  PluginTable plugins(kBuiltIn, kAbsent);
  if (part && part != ProberPart::built_in) REQUIRE(plugins.add(kAdded).empty());
  ConfigErrors errors;
  CommandLine line;
  line.program = "anyprobe";
  const std::vector<SourceFile> files{{"anyprobe.json", text}};
  const auto documents = assemble(line, files, errors);
  ConfigContext context;
  context.plugins = &plugins;
  if (part) {
    context.loop = &loop;
    context.part = *part;
    context.prepares = true;
  }
  Loaded out;
  out.config = load_config(documents, context, errors);
  out.errors = errors.lines();
  return out;
}

// Three services: of the program's own probes, of a module's, and of both.
std::string three(const std::string& plugins, const std::string& of_plain = "",
                  const std::string& of_added = "") {
  return R"({"plugins": ")" + plugins + R"(", "services": [
    {"name": "plain", "probe": {"type": "plain")" +
         of_plain + R"(}, "advertise": [{"address": "192.0.2.1"}]},
    {"name": "added", "probe": {"type": "added")" +
         of_added + R"(}, "advertise": [{"address": "192.0.2.2"}]},
    {"name": "mixed", "probes": [{"type": "plain"}, {"type": "added"}], "advertise": [{"address": "192.0.2.3"}]}
  ]})";
}

using Parts = std::vector<ProberPart>;
using Numbers = std::vector<std::size_t>;

Parts parts(const Loaded& loaded) {
  Parts out;
  for (const auto& service : loaded.config.services) out.push_back(service.part);
  return out;
}

Numbers probes(const Loaded& loaded) {
  Numbers out;
  for (const auto& service : loaded.config.services) out.push_back(service.probes.size());
  return out;
}

const Parts kParts{ProberPart::built_in, ProberPart::modules, ProberPart::modules};

}  // namespace

TEST_CASE("parts: all who read a configuration agree on whose each service is") {
  ModuleFolder folder;
  const auto text = three(folder.path());
  for (const auto part : {std::optional<ProberPart>(), std::optional(ProberPart::built_in),
                          std::optional(ProberPart::modules), std::optional(ProberPart::whole)}) {
    const auto loaded = load(text, part);
    CHECK(loaded.errors.empty());
    CHECK(parts(loaded) == kParts);
    CHECK(loaded.config.services.at(1).advertise.size() == 1);
  }
}

TEST_CASE("parts: the built-in one skips services with modules, and does not look into their folder") {
  const auto loaded = load(three("/nonexistent", "", R"(, "pth": 7)"), ProberPart::built_in);
  CHECK(loaded.errors.empty());
  CHECK(parts(loaded) == kParts);
  CHECK(probes(loaded) == Numbers{1, 0, 0});
  CHECK(plain_counts.made == 1);
  CHECK(plain_counts.prepared == 1);
  // What is wrong with its own it says all the same.
  CHECK(load(three("/nonexistent", R"(, "pth": 7)"), ProberPart::built_in).errors ==
        std::vector<std::string>{"anyprobe.json: services[0].probe.pth: is not known here"});
}

TEST_CASE("parts: who has the modules judges all, but prepares and keeps its own alone") {
  ModuleFolder folder;
  const auto loaded = load(three(folder.path()), ProberPart::modules);
  CHECK(loaded.errors.empty());
  CHECK(probes(loaded) == Numbers{0, 1, 2});
  CHECK(plain_counts.made == 2);
  CHECK(plain_counts.prepared == 1);  // of the service that has a module's probe too
  CHECK(added_counts.prepared == 2);
  CHECK(load(three(folder.path(), R"(, "pth": 7)", R"(, "pth": 8)"), ProberPart::modules).errors ==
        std::vector<std::string>{"anyprobe.json: services[0].probe.pth: is not known here",
                                 "anyprobe.json: services[1].probe.pth: is not known here"});
  CHECK(load(three("/nonexistent"), ProberPart::modules).errors.front() ==
        "anyprobe.json: plugins: \"/nonexistent\": No such file or directory");
}

TEST_CASE("parts: where there is one process, it keeps all") {
  ModuleFolder folder;
  const auto loaded = load(three(folder.path()), ProberPart::whole);
  CHECK(loaded.errors.empty());
  CHECK(probes(loaded) == Numbers{1, 1, 2});
  CHECK(plain_counts.prepared == 2);
  CHECK(added_counts.prepared == 2);
}

TEST_CASE("parts: without a folder of modules, and of a type that another build has, nothing is a module's") {
  const std::string service = R"({"name": "a", "advertise": [{"address": "192.0.2.1"}], "probe": {"type": ")";
  const auto without = load(R"({"services": [)" + service + R"(added"}}]})", ProberPart::built_in);
  CHECK(without.errors ==
        std::vector<std::string>{"anyprobe.json: services[0].probe.type: \"added\" is no type "
                                 "of probe (one of plain)"});
  const auto absent =
      load(R"({"plugins": "/nonexistent", "services": [)" + service + R"(absent"}}]})", ProberPart::built_in);
  CHECK(absent.errors == std::vector<std::string>{"anyprobe.json: services[0].probe.type: \"absent\" needs a "
                                                  "library, which this build lacks"});
}
