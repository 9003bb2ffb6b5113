#include "core/log.hpp"

#include <doctest/doctest.h>
#include <endian.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "core/descriptor.hpp"
#include "core/log_journal.hpp"
#include "core/log_repeats.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// As journald reads it: KEY=VALUE, or KEY, a line feed, the length and the value.
std::map<std::string, std::string> entry_of(std::string_view octets) {
  std::map<std::string, std::string> out;
  while (!octets.empty()) {
    const auto end = octets.find('\n');
    REQUIRE(end != std::string_view::npos);
    const auto line = octets.substr(0, end);
    octets.remove_prefix(end + 1);
    if (const auto equals = line.find('='); equals != std::string_view::npos) {
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
      continue;
    }
    std::uint64_t size = 0;
    REQUIRE(octets.size() > sizeof size);
    std::memcpy(&size, octets.data(), sizeof size);
    size = le64toh(size);
    octets.remove_prefix(sizeof size);
    REQUIRE(octets.size() > size);
    out.emplace(line, octets.substr(0, size));
    REQUIRE(octets[size] == '\n');
    octets.remove_prefix(size + 1);
  }
  return out;
}

struct Kept final : LogSink {
  explicit Kept(std::vector<std::string>& to) : lines(to) {}
  void write(LogLevel, const std::string& line) override { lines.push_back(line); }
  std::vector<std::string>& lines;
};

using Texts = std::vector<std::string>;

Texts texts(const std::vector<LogRepeats::Line>& lines) {
  Texts out;
  for (const auto& line : lines) out.push_back(line.text);
  return out;
}

}  // namespace

TEST_CASE("journal: a line has its fields, whatever is in them") {
  const LogField fields[] = {{"service", "dns"}, {"detail", "two\nlines=x"}, {"reason", ""}};
  const auto got = entry_of(journal_entry(LogLevel::warning, "anyprobe", "dns: down", fields));
  CHECK(got == std::map<std::string, std::string>{{"MESSAGE", "dns: down"},
                                                  {"PRIORITY", "4"},
                                                  {"SYSLOG_IDENTIFIER", "anyprobe"},
                                                  {"SERVICE", "dns"},
                                                  {"DETAIL", "two\nlines=x"},
                                                  {"REASON", ""}});
}

TEST_CASE("journal: what it does not take goes where it went before") {
  char folder[] = "/tmp/anyprobe-journal-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const auto path = std::string(folder) + "/socket";
  sockaddr_un address{AF_UNIX, {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  std::vector<std::string> lines;
  std::unique_ptr<LogSink> plain = std::make_unique<Kept>(lines);
  CHECK(make_journal_sink(plain, path.c_str()) == nullptr);
  REQUIRE(plain != nullptr);
  Descriptor journal(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(bind(journal.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const auto sink = make_journal_sink(plain, path.c_str());
  REQUIRE(sink != nullptr);
  const auto entry = journal_entry(LogLevel::info, "anyprobe", "well", {});
  sink->write(LogLevel::info, entry);
  char got[256];
  const auto size = recv(journal.get(), got, sizeof got, MSG_DONTWAIT);
  REQUIRE(size > 0);
  CHECK(std::string_view(got, static_cast<std::size_t>(size)) == entry);
  CHECK(lines.empty());
  journal.reset();
  sink->write(LogLevel::info, entry);
  CHECK(lines == Texts{"well"});
  unlink(path.c_str());
  rmdir(folder);
}

TEST_CASE("journal: only the stream that the service manager named is one") {
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const Descriptor in(pipes[0]);
  const Descriptor out(pipes[1]);
  struct stat status {};
  REQUIRE(fstat(out.get(), &status) == 0);
  const auto name = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  CHECK(is_journal(name.c_str(), out.get()));
  CHECK_FALSE(is_journal((name + "1").c_str(), out.get()));
  CHECK_FALSE(is_journal("", out.get()));
  CHECK_FALSE(is_journal(nullptr, out.get()));
  CHECK_FALSE(is_journal(name.c_str(), -1));
}

TEST_CASE("log: a line is said five times a minute, and then counted") {
  LogRepeats repeats;
  TimePoint now(1000s);
  const auto said = [&](int times, const char* text) {
    int out = 0;
    for (int i = 0; i < times; ++i)
      out += repeats.pass(now, LogLevel::warning, text, {{"service", "dns"}}) ? 1 : 0;
    return out;
  };
  CHECK(said(10, "dns: no descriptor") == 5);
  CHECK(said(2, "radius: no descriptor") == 2);
  now += 59s;
  CHECK(repeats.due(now).empty());
  CHECK(said(1, "dns: no descriptor") == 0);
  now += 1s;
  const auto due = repeats.due(now);
  CHECK(texts(due) == Texts{"dns: no descriptor (6 times more in the last 60 s)"});
  CHECK(due[0].level == LogLevel::warning);
  CHECK(due[0].fields == std::vector<std::pair<std::string, std::string>>{{"service", "dns"}});
  CHECK(repeats.due(now).empty());
  // It goes on, and each minute has one line; then it is over.
  CHECK(said(3, "dns: no descriptor") == 0);
  CHECK(said(1, "radius: no descriptor") == 1);
  now += 61s;
  CHECK(texts(repeats.due(now)) == Texts{"dns: no descriptor (3 times more in the last 61 s)"});
  now += 61s;
  CHECK(repeats.due(now).empty());
  CHECK(said(1, "dns: no descriptor") == 1);
}

TEST_CASE("log: of very many different lines each is said") {
  LogRepeats repeats;
  const TimePoint now(1000s);
  for (int i = 0; i < 100; ++i) CHECK(repeats.pass(now, LogLevel::error, std::to_string(i), {}));
  for (int i = 0; i < 10; ++i) CHECK(repeats.pass(now, LogLevel::error, "99", {}));
}
