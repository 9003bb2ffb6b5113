// The configuration as `validate --print` shows it.
#include "advertise_reader.hpp"
#include "config.hpp"
#include "duration.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

std::chrono::milliseconds in_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

}  // namespace

nlohmann::ordered_json describe(const Config& config) {
  using nlohmann::ordered_json;
  ordered_json out;
  if (!config.user.empty()) out["user"] = config.user;
  if (!config.plugins.empty()) out["plugins"] = config.plugins;
  if (config.log.level) out["log"]["level"] = kLogLevels[static_cast<int>(*config.log.level)];
  if (config.log.json) out["log"]["format"] = *config.log.json ? "json" : "text";
  if (config.metrics) out["metrics"]["listen"] = config.metrics->to_string();
  if (config.vty_dir != kVtyDir) out["frr"]["vty_dir"] = config.vty_dir;
  if (config.agent) out["agent"]["listen"] = config.agent->to_string();
  out["lsa_spacing"] = format_duration(in_ms(config.lsa_spacing));
  out["lsa_flooding"] = format_duration(in_ms(config.lsa_flooding));
  if (!config.commands.commands.empty()) out["max_running"] = config.commands.max_running;
  out["services"] = ordered_json::array();
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    const auto& service = config.services[i];
    ordered_json s;
    s["name"] = service.name;
    s["interval"] = format_duration(in_ms(service.schedule.interval));
    s["timeout"] = format_duration(in_ms(service.timeout));
    s["rise"] = service.health.rise;
    s["fall"] = service.health.fall;
    s["fast_interval"] = format_duration(in_ms(service.schedule.fast_interval));
    s["hold_down"] = format_duration(in_ms(service.health.hold_down));
    s["lease"] = format_duration(service.lease);
    if (!service.lingers_until_shown) s["linger"] = format_duration(in_ms(service.linger));
    if (const auto* token = service.token()) s["drain_token"] = token->prefix.to_string();
    s["min_peers"] = service.last_instance.min_peers;
    s["last_resort"] = service.last_instance.keeps_dead ? "keep" : "withdraw";
    s["on_close"] = kOnClose[static_cast<int>(service.on_close)];
    s["stale_after"] = format_duration(in_ms(service.health.stale_after));
    if (const auto& damping = service.health.damping) {
      s["damping"] = {{"penalty", static_cast<std::int64_t>(damping->penalty)},
                      {"suppress", static_cast<std::int64_t>(damping->suppress)},
                      {"reuse", static_cast<std::int64_t>(damping->reuse)},
                      {"half_life", format_duration(in_ms(damping->half_life))},
                      {"maximum", format_duration(in_ms(damping->maximum))}};
    }
    const auto& commands = *service.commands;
    if (!commands.exec_user.empty()) s["exec_user"] = commands.exec_user;
    if (!commands.on_up.empty()) s["on_up"] = commands.on_up;
    if (!commands.on_down.empty()) s["on_down"] = commands.on_down;
    s["hook_timeout"] = format_duration(commands.hook_timeout);
    auto asks = ordered_json::parse(config.probed[i], nullptr, false);
    if (asks.is_array()) {
      s["probes"] = std::move(asks);
      s["require"] = service.need;
    } else {
      s["probe"] = std::move(asks);
    }
    s["advertise"] = ordered_json::array();
    for (const auto& advertisement : service.served()) s["advertise"].push_back(describe(advertisement));
    out["services"].push_back(std::move(s));
  }
  return out;
}

}  // namespace anyprobe
