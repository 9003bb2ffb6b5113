// All that the author of a probe includes. A probe answers one question once: it knows no interval, no
// timeout, no threshold and no address that depends on its answer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"
#include "event_loop.hpp"
#include "options.hpp"

namespace anyprobe {

enum class Verdict : std::uint8_t {
  pass,
  fail,
  local_error,  // we could not ask (EMFILE, ENOBUFS, no route from here); says nothing of the service
};

enum class Evidence : std::uint8_t {
  soft,        // silence, or an answer that does not do
  conclusive,  // the kernel refused: nobody is there
};

struct Result {
  Verdict verdict = Verdict::fail;
  Evidence evidence = Evidence::soft;
  std::string_view reason;  // a fixed slug for counters ("refused"), with static storage
  std::string detail;       // one line for a person, without the reason
};

// Where an attempt leaves its answer. The first report counts. It only records, so it may be called from
// anywhere, from inside Probe::start too; nothing is destroyed under the caller.
class ResultSink {
 public:
  virtual void report(Result result) noexcept = 0;
  // Whether anybody reads the detail of a pass, as nobody does of a service that is up; asked before a
  // report. Where not, it need not be made.
  [[nodiscard]] virtual bool wants_detail_of_pass() const noexcept { return true; }

 protected:
  ~ResultSink() = default;
};

// A question on its way. Destroying it cancels it.
class Attempt {
 public:
  Attempt() = default;
  virtual ~Attempt() = default;
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Asked at the deadline: what is still owed, for the log ("no answer from 127.0.0.1:53 over udp").
  [[nodiscard]] virtual std::string waiting_for() const { return {}; }
  // Asked at the deadline: whether the question was put at all, and its answer could not be lost here. If
  // not, it is a local error, not a failure.
  [[nodiscard]] virtual bool asked() const { return true; }
};

enum class Protocol : std::uint8_t { udp, tcp, local };

struct Endpoint {
  SocketAddress address;
  Protocol protocol = Protocol::udp;
  std::string device;  // the question is bound to this interface; empty: to none

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

class Probe {
 public:
  Probe() = default;
  virtual ~Probe() = default;
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  [[nodiscard]] virtual std::vector<Endpoint> endpoints() const = 0;  // what it asks
  // Called once behind create(), in a daemon alone and not where the configuration is only judged or asked
  // once: takes what it holds for its life, such as a port. What is wrong is an error of the configuration.
  virtual void prepare(Options& /*options*/) {}
  // One attempt at a time. `sink` outlives the attempt, and the probe outlives both.
  [[nodiscard]] virtual std::unique_ptr<Attempt> start(ResultSink& sink) = 0;
};

// Where a service that such a probe asks is usually found, for `anyprobe init`, which makes of it
//   { "type": TYPE, WHOM: ADDRESS OPTIONS }
struct UsualPlace {
  std::uint16_t port = 0;
  const char* name =
      nullptr;  // of the service; of several places with one name the first that is there counts
  bool udp = false;
  bool tcp = false;
  const char* whom = "server";   // the option that says whom to ask
  bool with_port = false;        // whose value wants the port too
  const char* options = "";      // what follows it, as JSON behind a comma
  const char* tcp_options = "";  // and this, where it is not found by UDP
  const char* edit = "";         // what a person is to look at
  const char* wants = nullptr;   // what must be done first; null: nothing
};

// Raised with every release that changes this header or one that it includes.
inline constexpr std::uint32_t kPluginAbi = 5;

// One probe type, built in or from a module. A module exports one as `extern "C" anyprobe_plugin`.
struct ProbePlugin {
  std::uint32_t abi = kPluginAbi;
  const char* type = nullptr;     // "dns", as in the configuration
  const char* summary = nullptr;  // one line
  const char* program = nullptr;  // "dns-probe": the name that starts the program as this probe; null: none
  std::span<const OptionSpec> options;
  // Of a module: what its code asks of the kernel beyond what every probe may ("memfd_create"), in the life
  // of its probes and at a reload; what it does while it is loaded at the start needs no mention.
  std::span<const char* const> system_calls = {};
  // Says what is wrong by options.error() and returns null; throws only on what is no fault of the
  // configuration. The loop outlives the probe.
  std::unique_ptr<Probe> (*create)(EventLoop& loop, Options& options) = nullptr;
  std::span<const UsualPlace> found_at = {};
};

}  // namespace anyprobe

// The name a module exports its descriptor by.
#define ANYPROBE_PLUGIN_SYMBOL "anyprobe_plugin"
#define ANYPROBE_EXPORT_PLUGIN \
  extern "C" __attribute__((visibility("default"))) const ::anyprobe::ProbePlugin anyprobe_plugin
