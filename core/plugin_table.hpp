// The probe types there are: those built in and those of a user's own modules.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "probe.hpp"

namespace anyprobe {

class PluginTable {
 public:
  explicit PluginTable(std::span<const ProbePlugin* const> builtin)
      : plugins_(builtin.begin(), builtin.end()) {}
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
  [[nodiscard]] const std::vector<const ProbePlugin*>& all() const { return plugins_; }
  [[nodiscard]] std::string types() const;  // "dns, tcp"

 private:
  std::string load_module(int folder, const std::string& name, const std::string& path);

  std::vector<const ProbePlugin*> plugins_;
  std::set<std::string> modules_;  // by path
};

}  // namespace anyprobe
