// The probe types there are: those built in and those of a user's own modules.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "probe.hpp"

namespace anyprobe {

// A type that this build was made without.
struct AbsentProbe {
  const char* type = nullptr;
  const char* program = nullptr;              // as ProbePlugin's
  const char* needs = nullptr;                // the library that it would need
  const char* instead = nullptr;              // the type that asks as much as can be asked without it
  std::span<const UsualPlace> found_at = {};  // as ProbePlugin's, of the type that stands in
};

class PluginTable {
 public:
  // Both stay where they are for the life of the table.
  explicit PluginTable(std::span<const ProbePlugin* const> builtin, std::span<const AbsentProbe> absent = {})
      : plugins_(builtin.begin(), builtin.end()), built_in_(builtin), absent_(absent) {}
  PluginTable(const PluginTable&) = delete;
  PluginTable& operator=(const PluginTable&) = delete;

  // Empty, or why it cannot be taken: another ABI, no type, a type that is there already.
  // The descriptor stays where it is for the life of the table.
  std::string add(const ProbePlugin& plugin);

  // Loads each *.so of the folder, those already loaded excepted. The folder and each module must belong to
  // root and be writable by nobody else, since their code runs as ours. Modules are never unloaded. One line
  // an error; a module with an error is left out.
  std::vector<std::string> load_folder(const std::string& folder);

  [[nodiscard]] const ProbePlugin* find(std::string_view type) const;
  // Whether it is part of the program, in this build or in another.
  [[nodiscard]] bool is_built_in(std::string_view type) const;
  [[nodiscard]] const ProbePlugin* find_program(std::string_view program) const;
  [[nodiscard]] const std::vector<const ProbePlugin*>& all() const { return plugins_; }
  [[nodiscard]] std::span<const AbsentProbe> absent() const { return absent_; }
  [[nodiscard]] std::string types() const;  // "dns, tcp"
  // Why there is none of this type, after the type: "is no type of probe (one of dns, tcp)".
  [[nodiscard]] std::string why_not(std::string_view type) const;
  // Why this program is no probe, where there are builds in which it is; else empty.
  [[nodiscard]] std::string why_not_program(std::string_view program) const;

  // That the modules ask for.
  [[nodiscard]] std::vector<std::string> system_calls() const;
  // The process is confined to what the table has now: a module that asks for more is refused.
  void seal() { sealed_to_ = system_calls(); }

 private:
  std::string load_module(int folder, const std::string& name, const std::string& path);
  [[nodiscard]] std::string wrong_with_system_calls(const ProbePlugin& plugin) const;

  std::vector<const ProbePlugin*> plugins_;
  std::span<const ProbePlugin* const> built_in_;
  std::span<const AbsentProbe> absent_;
  std::set<std::string> modules_;  // by path
  std::optional<std::vector<std::string>> sealed_to_;
};

}  // namespace anyprobe
