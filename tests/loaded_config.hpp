// A configuration as a daemon reads it from files, and what is wrong with it.
#pragma once

#include <string>
#include <vector>

#include "core/command_line.hpp"
#include "core/config.hpp"
#include "probes/builtin.hpp"

namespace anyprobe {

struct LoadedConfig {
  Config config;
  std::vector<std::string> errors;
};

inline LoadedConfig loaded_from(const std::vector<SourceFile>& files) {
  static EventLoop loop;
  PluginTable plugins(builtin_probes());
  ConfigErrors errors;
  CommandLine line;
  line.program = "anyprobe";
  LoadedConfig out;
  const auto documents = assemble(line, files, errors);
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  if (errors.empty()) out.config = load_config(documents, context, errors);
  out.errors = errors.lines();
  return out;
}

}  // namespace anyprobe
