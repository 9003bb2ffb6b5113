#include "core/instance_state.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/descriptor.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

Advertisement on(const char* interface, const char* text) {
  return {Prefix::parse(text).value(), interface};
}

Advertisement route(const char* text, const char* device, const char* via = nullptr) {
  Advertisement out{Prefix::parse(text).value(), device, Advertisement::Kind::route};
  out.metric = default_metric(out.prefix.address.family());
  if (via != nullptr) out.via = IpAddress::parse(via).value();
  return out;
}

class RunDir {
 public:
  RunDir() {
    char name[] = "/tmp/anyprobe-state-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~RunDir() { fs::remove_all(path_); }
  RunDir(const RunDir&) = delete;
  RunDir& operator=(const RunDir&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] fs::path file(const char* name = "dns-probe.state") const { return path_ / name; }
  void write(const std::string& text, const char* name = "dns-probe.state") const {
    std::ofstream(file(name)) << text;
  }
  [[nodiscard]] std::string read(const char* name = "dns-probe.state") const {
    std::ifstream in(file(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(path_)) out.push_back(entry.path().filename().string());
    return out;
  }
  [[nodiscard]] std::string save(const std::vector<Advertisement>& all) const {
    return save_state(path(), "dns-probe", {all, {}});
  }
  [[nodiscard]] Outcome<InstanceState> load() const { return load_state(path(), "dns-probe"); }

 private:
  fs::path path_;
};

// No file of this process grows beyond so much, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t room) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit_) == 0);
    const rlimit less{room, limit_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &less) == 0);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*before_)(int);
  rlimit limit_{};
};

std::vector<Advertisement> one_of_each() {
  auto far = route("203.0.113.0/24", "", "198.51.100.1");
  far.table = 100;
  far.metric = 20;
  return {on("lo", "192.0.2.1"),
          on("eth0", "198.51.100.0/24"),
          on("lo", "2001:db8::1"),
          route("192.0.2.153", "bond0"),
          route("2001:db8:2::/64", "eth0", "2001:db8::9"),
          far,
          Advertisement::link("dummy0")};
}

}  // namespace

TEST_CASE("state: what an instance holds survives the way") {
  const auto read = parse_state(write_state({one_of_each(), {}}));
  REQUIRE(read);
  CHECK(read->advertisements == one_of_each());
  CHECK(read->handed_over_until == TimePoint{});
  const auto handed = parse_state(write_state({one_of_each(), TimePoint(123456ms)}));
  REQUIRE(handed);
  CHECK(handed->handed_over_until == TimePoint(123456ms));
  CHECK(handed->advertisements == one_of_each());
  const auto nothing = parse_state(write_state({}));
  REQUIRE(nothing);
  CHECK(nothing->advertisements.empty());
}

TEST_CASE("state: services that are drained are there for the next run, also where nothing is held") {
  const RunDir run_dir;
  InstanceState state;
  state.drained = {"dns", "mail"};
  CHECK(save_state(run_dir.path(), "dns-probe", state).empty());
  const auto read = run_dir.load();
  REQUIRE(read);
  CHECK(read->drained == state.drained);
  CHECK(read->advertisements.empty());
  CHECK(run_dir.save({}).empty());
  CHECK(run_dir.names().empty());
  for (const auto* text : {R"({"advertise": [], "drained": "dns"})", R"({"advertise": [], "drained": [7]})",
                           R"({"advertise": [], "drained": ["a b"]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_state(text));
  }
}

TEST_CASE("state: what was and what is to be may overlap, as they do while a configuration changes") {
  const std::vector<Advertisement> both{on("lo", "192.0.2.1"), on("eth0", "192.0.2.1"),
                                        on("lo", "192.0.2.0/24"), route("192.0.2.0/24", "eth0"),
                                        route("192.0.2.0/24", "eth1")};
  const auto read = parse_state(write_state({both, {}}));
  REQUIRE(read);
  CHECK(read->advertisements == both);
}

TEST_CASE("state: what is none is refused, and names no other file") {
  for (const char* text : {"",
                           "{",
                           "[]",
                           "{}",
                           "7",
                           "\xff",
                           R"({"advertise": 7})",
                           R"({"advertise": {}})",
                           R"({"advertise": [7]})",
                           R"({"advertise": [{}]})",
                           R"({"advertise": [{"address": "nowhere"}]})",
                           R"({"advertise": [{"address": "192.0.2.1", "metric": 1}]})",
                           R"({"advertise": [{"address": "127.0.0.1"}]})",
                           R"({"advertise": [{"link": "lo"}]})",
                           R"({"advertise": [{"route": "192.0.2.0/24"}]})",
                           R"({"advertise": [{"addresses_from": "/etc/hosts"}]})",
                           R"({"advertise": [], "handed_over_until_ms": -1})",
                           R"({"advertise": [], "handed_over_until_ms": 1.5})",
                           R"({"advertise": [], "handed_over_until_ms": "1"})",
                           R"({"advertise": [], "handed_over_until_ms": 4398046511105})",
                           R"({"advertise": [], "handed_over_until_ms": 18446744073709551615})"}) {
    CAPTURE(text);
    const auto read = parse_state(text);
    CHECK_FALSE(read);
    CHECK(read.error().find('\n') == std::string::npos);
  }
  CHECK(parse_state(R"({"advertise": [{"addresses_from": "/etc/hosts"}]})").error() ==
        "names a file of addresses");
}

TEST_CASE("state: it is there for the next run, readable by all, and gone when there is nothing to hold") {
  const RunDir run_dir;
  const auto mask = umask(022);
  CHECK(run_dir.save(one_of_each()).empty());
  umask(mask);
  CHECK(run_dir.names() == std::vector<std::string>{"dns-probe.state"});
  CHECK((fs::status(run_dir.file()).permissions() & fs::perms::mask) == fs::perms(0644));
  const auto read = run_dir.load();
  REQUIRE(read);
  CHECK(read->advertisements == one_of_each());
  CHECK(load_state(run_dir.path(), "other")->advertisements.empty());  // each instance has its own
  CHECK(run_dir.save({}).empty());
  CHECK(run_dir.names().empty());
  CHECK(run_dir.save({}).empty());
  CHECK(run_dir.load()->advertisements.empty());
}

TEST_CASE("state: it is replaced as a whole") {
  const RunDir run_dir;
  REQUIRE(run_dir.save({on("lo", "192.0.2.1"), on("lo", "192.0.2.2")}).empty());
  const auto before = run_dir.read();
  const Descriptor reader(open(run_dir.file().c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(run_dir.save({on("lo", "192.0.2.3")}).empty());
  std::string old(before.size() + 1, '\0');
  CHECK(read(reader.get(), old.data(), old.size()) == static_cast<ssize_t>(before.size()));
  CHECK(old.substr(0, before.size()) == before);
  CHECK(run_dir.load()->advertisements == std::vector<Advertisement>{on("lo", "192.0.2.3")});
  CHECK(run_dir.names().size() == 1);
}

TEST_CASE("state: what stands in the place of the new file is not written through") {
  const RunDir run_dir;
  run_dir.write("precious", "other");
  fs::create_symlink(run_dir.file("other"), run_dir.file("dns-probe.state.new"));
  CHECK(run_dir.save({on("lo", "192.0.2.1")}).empty());
  CHECK(run_dir.read("other") == "precious");
  CHECK_FALSE(fs::is_symlink(run_dir.file()));
  CHECK(run_dir.load()->advertisements.size() == 1);
  run_dir.write("left by a run that was killed while it wrote", "dns-probe.state.new");
  CHECK(run_dir.save({on("lo", "192.0.2.2")}).empty());
  CHECK(run_dir.load()->advertisements == std::vector<Advertisement>{on("lo", "192.0.2.2")});
}

TEST_CASE("state: on a full disk the one before stays, and nothing beside it") {
  const RunDir run_dir;
  REQUIRE(run_dir.save({on("lo", "192.0.2.1")}).empty());
  const auto before = run_dir.read();
  std::string wrong;
  {
    const FullDisk full(before.size());
    wrong = run_dir.save({on("lo", "192.0.2.1"), on("lo", "192.0.2.2")});
  }
  CHECK(wrong == run_dir.file().string() + ".new: File too large");
  CHECK(run_dir.read() == before);
  CHECK(run_dir.names().size() == 1);
  CHECK(run_dir.save({on("lo", "192.0.2.1"), on("lo", "192.0.2.2")}).empty());
  CHECK(run_dir.load()->advertisements.size() == 2);
}

TEST_CASE("state: what cannot be read or written is told with its file") {
  const RunDir run_dir;
  run_dir.write("{}");
  CHECK(run_dir.load().error() == run_dir.file().string() + ": is no state of an instance");
  fs::remove(run_dir.file());
  fs::create_directory(run_dir.file());
  CHECK(run_dir.load().error() == run_dir.file().string() + ": is a directory");
  CHECK(run_dir.save({on("lo", "192.0.2.1")}).starts_with(run_dir.file().string() + ": "));
  CHECK(run_dir.save({}).starts_with(run_dir.file().string() + ": "));
  CHECK(run_dir.names() == std::vector<std::string>{"dns-probe.state"});
  CHECK(save_state("/nonexistent", "a", {{on("lo", "192.0.2.1")}, {}}) ==
        "/nonexistent/a.state.new: No such file or directory");
  CHECK(save_state("/nonexistent", "a", {}).empty());
}
