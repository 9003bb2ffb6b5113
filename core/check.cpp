#include "check.hpp"

#include <algorithm>
#include <cstdio>

#include "config_reader.hpp"
#include "exit_codes.hpp"
#include "flags.hpp"
#include "local_commands.hpp"
#include "runner.hpp"
#include "schema.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

struct Checked {
  const ServiceConfig* service = nullptr;
  Result result;
  Duration took{};
  std::unique_ptr<Runner> runner;
};

int code_of(const Result& result) {
  return result.verdict == Verdict::pass ? kDone : result.verdict == Verdict::fail ? kCritical : kUnknown;
}

const char* word_of(int code) {
  return code == kDone ? "OK" : code == kCritical ? "CRITICAL" : "UNKNOWN";
}

std::string told(const Checked& one) {
  char took[32];
  std::snprintf(took, sizeof took, "%.1f ms", std::chrono::duration<double, std::milli>(one.took).count());
  return one.service->name + ": " + std::string(one.result.reason) +
         (one.result.detail.empty() ? "" : ", " + one.result.detail) + " (" + took + ")";
}

// Nagios shows the first line alone, so it says it all where there is one service.
int print(const std::vector<Checked>& checked) {
  int worst = kDone;
  std::size_t passed = 0;
  for (const auto& one : checked) {
    const int code = code_of(one.result);
    passed += code == kDone ? 1 : 0;
    if (code == kCritical || worst == kDone) worst = code;
  }
  if (checked.size() == 1) {
    std::printf("%s - %s\n", word_of(worst), told(checked.front()).c_str());
    return worst;
  }
  std::printf("%s - %zu of %zu services pass\n", word_of(worst), passed, checked.size());
  for (const auto& one : checked) std::printf("%s - %s\n", word_of(code_of(one.result)), told(one).c_str());
  return worst;
}

// Nagios reads standard output, and takes any code that is not its own for an alarm.
int cannot_tell(const std::vector<std::string>& why) {
  for (const auto& line : why) std::printf("UNKNOWN - %s\n", line.c_str());
  return kUnknown;
}

}  // namespace

std::optional<Config> load_configuration(const CommandLine& line, EventLoop& loop, PluginTable& plugins,
                                         ConfigErrors& errors, CommandRunner* commands) {
  std::vector<ConfigDocument> documents;
  const auto files = read_files(line, &documents);
  if (!files) {
    errors.add(files.error());
    return std::nullopt;
  }
  if (documents.empty()) documents = assemble(line, *files, errors);
  if (!errors.empty()) return std::nullopt;
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  context.commands = commands;
  context.needs_advertisements = line.command != Command::check;
  auto config = load_config(documents, context, errors);
  if (!errors.empty()) return std::nullopt;
  return config;
}

int refuse(const CommandLine& line, const ConfigErrors& errors) {
  for (const auto& what : errors.lines())
    std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
  return errors.all_from_flags() ? kUsage : kConfiguration;
}

int run_check(const CommandLine& line, PluginTable& plugins) {
  EventLoop loop;
  LocalCommands commands(loop);
  ConfigErrors errors;
  const auto config = load_configuration(line, loop, plugins, errors, &commands);
  if (!config) return cannot_tell(errors.lines());
  commands.use(config->commands);

  for (const auto& name : line.names) {
    const auto& all = config->services;
    if (std::none_of(all.begin(), all.end(), [&](const auto& s) { return s.name == name; })) {
      return cannot_tell({"there is no service " + in_quotes(name)});
    }
  }
  std::vector<Checked> checked;
  for (const auto& service : config->services) {
    const auto& asked = line.names;
    if (asked.empty() || std::find(asked.begin(), asked.end(), service.name) != asked.end()) {
      checked.push_back({&service, {}, {}, nullptr});
    }
  }
  std::size_t missing = checked.size();
  for (auto& one : checked) {
    std::vector<Probe*> probes;
    for (const auto& probe : one.service->probes) probes.push_back(probe.get());
    one.runner = std::make_unique<Runner>(
        loop, std::move(probes), one.service->need, one.service->timeout,
        [&](const Result& result, Duration took) {
          one.result = result;
          one.took = took;
          if (--missing == 0) loop.stop();
        },
        one.service->shared);
    one.runner->start();
  }
  if (missing > 0) loop.run();
  return print(checked);
}

int run_validate(const CommandLine& line, PluginTable& plugins) {
  EventLoop loop;
  ConfigErrors errors;
  const auto config = load_configuration(line, loop, plugins, errors);
  if (!config) return refuse(line, errors);
  if (line.print) std::printf("%s\n", describe(*config).dump(2).c_str());
  return kDone;
}

namespace {

// Those of the modules, where a configuration is named. kDone, or what went wrong.
int load_modules(const CommandLine& line, PluginTable& plugins) {
  if (line.config.empty()) return kDone;
  EventLoop loop;
  ConfigErrors errors;
  return load_configuration(line, loop, plugins, errors) ? kDone : refuse(line, errors);
}

}  // namespace

int run_schema(const CommandLine& line, PluginTable& plugins) {
  if (const int code = load_modules(line, plugins); code != kDone) return code;
  std::printf("%s\n", schema_of(plugins).dump(2).c_str());
  return kDone;
}

int run_probes(const CommandLine& line, PluginTable& plugins) {
  if (const int code = load_modules(line, plugins); code != kDone) return code;
  if (line.names.empty()) {
    for (const auto* plugin : plugins.all()) std::printf("%-12s%s\n", plugin->type, plugin->summary);
    return kDone;
  }
  const auto& type = line.names.front();
  const auto* plugin = plugins.find(type);
  if (plugin == nullptr) {
    std::fprintf(stderr, "%s: %s %s\n", line.program.c_str(), in_quotes(type).c_str(),
                 plugins.why_not(type).c_str());
    return kUsage;
  }
  std::printf("%s: %s\n", plugin->type, plugin->summary);
  FlagGroup group{"Options (in the configuration; on a command line --NAME with dashes)", {}};
  for (const auto& spec : plugin->options) {
    group.flags.push_back({spec.name, Flag::Argument::required, placeholder_of(spec), full_help(spec), {}});
  }
  auto text = format_flags({group});
  for (auto at = text.find("  --"); at != std::string::npos; at = text.find("  --", at))
    text.replace(at, 4, "    ");
  std::fputs(text.c_str(), stdout);
  return kDone;
}

}  // namespace anyprobe
