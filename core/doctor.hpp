// What `anyprobe doctor` finds: a table of checks, each a pure function of facts that somebody has gathered.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "advertisement.hpp"
#include "event_loop.hpp"
#include "probe.hpp"

namespace anyprobe {

enum class Gravity : std::uint8_t {
  remark,    // worth knowing
  warning,   // goes wrong at times, or for some
  blocking,  // keeps a service from being announced, or from being served where it is
};
[[nodiscard]] std::string_view to_string(Gravity gravity);

// What is wrong here and now, in one line, and what mends it: lines for a shell, none where no command does.
struct Ailment {
  std::string what;
  std::vector<std::string> mend = {};
  std::optional<Gravity> gravity = {};  // where it is not that of the check
};

struct CheckText {
  const char* id;
  Gravity gravity;
  const char* title;  // what is looked for
  const char* why;    // why it matters
};

template <typename Facts>
struct Check {
  CheckText text;
  std::vector<Ailment> (*look)(const Facts& facts);
};

struct Diagnosis {
  CheckText check;
  Ailment ailment;

  [[nodiscard]] Gravity gravity() const { return ailment.gravity.value_or(check.gravity); }
};

struct Report {
  std::vector<Diagnosis> found;
  std::vector<std::string> unseen;  // what could not be looked at, and why: one line each
};

template <typename Facts>
void examine(std::span<const Check<Facts>> checks, const Facts& facts, Report& report) {
  for (const auto& check : checks) {
    for (auto& ailment : check.look(facts)) report.found.push_back({check.text, std::move(ailment)});
  }
}

// A configured service, as far as the doctor wants to know it.
struct Patient {
  std::string name;
  std::vector<Advertisement> advertise;  // without the token of its drains
  std::vector<Endpoint> asks;
  Duration linger{};
};

// The gravest first; of the same gravity in the order of the checks.
void sort_by_gravity(Report& report);
[[nodiscard]] std::string report_text(const Report& report);  // for people
[[nodiscard]] std::string report_json(const Report& report);
[[nodiscard]] int report_code(const Report& report);  // 0, kWarning or kCritical

// `text` as one word of a shell.
[[nodiscard]] std::string shell_word(std::string_view text);

}  // namespace anyprobe
