#include "section_reader.hpp"

#include "config_reader.hpp"
#include "metrics_reader.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kAgentPort = 9707;

void read_log(const ConfigReader& section, Config& config) {
  const Options log(section, log_options());
  if (log.given("level")) config.log.level = parse_log_level(log.text("level"));
  if (log.given("format")) config.log.json = log.text("format") == "json";
}

void read_frr(const ConfigReader& section, Config& config) {
  const Options frr(section, frr_options());
  if (frr.given("vty_dir")) config.vty_dir = frr.text("vty_dir");
  if (!config.vty_dir.starts_with('/')) section.at("vty_dir").error("is no absolute path");
}

void read_agent(const ConfigReader& section, Config& config) {
  const Options agent(section, agent_options());
  if (agent.given("listen")) config.agent = WebAddress{agent.servers("listen", kAgentPort).front(), {}};
}

}  // namespace

void read_sections(const ConfigReader& top, Config& config) {
  if (top.has("log")) read_log(top.at("log"), config);
  if (top.has("frr")) read_frr(top.at("frr"), config);
  if (top.has("metrics")) config.metrics = read_metrics(top.at("metrics"));
  if (top.has("agent")) read_agent(top.at("agent"), config);
}

}  // namespace anyprobe
