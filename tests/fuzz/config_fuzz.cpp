// The configuration: text of a file, as `anyprobe run` reads it. The first octet chooses whether it is
// dns-probe's, or is a file of addresses beside a fixed configuration.
#include <cstdint>
#include <string>

#include "core/command_line.hpp"
#include "core/config.hpp"
#include "probes/builtin.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  if (size == 0) return 0;
  static EventLoop loop;
  static PluginTable plugins(builtin_probes());
  CommandLine line;
  line.program = "dns-probe";
  line.type = (data[0] & 1U) != 0 ? "dns" : "";
  line.command = (data[0] & 1U) != 0 ? Command::probe_daemon : Command::run;
  if ((data[0] & 2U) != 0) line.settings.push_back({"--fall", "fall", 2});

  ConfigErrors errors;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  std::vector<SourceFile> files{{"anyprobe.json", text}};
  if ((data[0] & 4U) != 0) {
    line.type.clear();
    line.command = Command::run;
    files = {{"anyprobe.json", R"({"services": [{"name": "a", "probe": {"type": "dns"}, "advertise": [
                                  {"addresses_from": "/list"}, {"address": "192.0.2.1"}]}]})"},
             {"/list", text, SourceFile::Role::attachment}};
  }
  const auto documents = assemble(line, files, errors);
  if (!errors.empty()) return 0;
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  const auto config = load_config(documents, context, errors);
  for (const auto& what : errors.lines()) {
    if (what.find('\n') != std::string::npos) __builtin_trap();  // one line each, whatever was read
  }
  if (errors.empty()) (void)describe(config).dump();
  return 0;
}
