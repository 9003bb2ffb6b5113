#include "command_reader.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "config_reader.hpp"
#include "privileges.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

enum class Sight : std::uint8_t { there, unknown, missing, no_program };

Sight look_at(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Sight::missing : Sight::unknown;
  }
  // Who may execute it, an access list may say besides; that nobody may is certain.
  return S_ISREG(status.st_mode) && (status.st_mode & 0111U) != 0 ? Sight::there : Sight::no_program;
}

std::string wrong_with_program(const std::string& word) {
  if (word.starts_with('/')) {
    const auto sight = look_at(word);
    if (sight == Sight::missing) return in_quotes(word) + " is not there";
    return sight == Sight::no_program ? in_quotes(word) + " is no program (a file that may be executed)" : "";
  }
  for (auto path = kCommandPath; !path.empty();) {
    const auto end = std::min(path.find(':'), path.size());
    const auto sight = look_at(std::string(path.substr(0, end)) + "/" + word);
    if (sight == Sight::there || sight == Sight::unknown) return {};
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return in_quotes(word) + " is no program in " + std::string(kCommandPath);
}

// Empty where it is none; options() says what is wrong then.
std::vector<std::string> words_of(const json& value) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (!value.is_array()) return out;
  for (const auto& word : value) {
    if (!word.is_string()) return {};
    out.push_back(word.get<std::string>());
  }
  return out;
}

void judge_command(const ConfigReader& object, const char* key) {
  const auto value = object.at(key);
  const auto words = words_of(value.value());
  if (words.empty() || !is_program_name(words.front())) return;
  if (auto wrong = wrong_with_program(words.front()); !wrong.empty()) value.error(wrong);
}

}  // namespace

ServiceCommands read_service_commands(const Options& options) {
  return {options.text("exec_user"), options.texts("on_up"), options.texts("on_down"),
          options.duration("hook_timeout")};
}

void judge_service_commands(const ConfigReader& object) {
  judge_command(object, "on_up");
  judge_command(object, "on_down");
  const auto user = object.at("exec_user");
  if (!user.value().is_string()) return;
  if (const auto found = find_command_user(user.value().get<std::string>()); !found)
    user.error(found.error());
}

void judge_probe_commands(const ConfigReader& probe, std::span<const OptionSpec> specs) {
  for (const auto& spec : specs) {
    if (spec.kind == OptionKind::command) judge_command(probe, spec.name);
  }
}

void list_commands(const ConfigReader& service, const std::string& name, const ServiceCommands& settings,
                   std::chrono::milliseconds deadline, const std::string& prober_user,
                   const PluginTable& plugins, std::vector<CommandSpec>& out) {
  const auto& user = settings.exec_user.empty() ? prober_user : settings.exec_user;
  const auto add = [&](std::string place, std::vector<std::string> words, std::chrono::milliseconds limit,
                       bool hook) {
    if (!words.empty() && !words.front().empty())
      out.push_back({{name, std::move(place)}, std::move(words), user, limit, hook});
  };
  const bool several = service.has("probes");
  std::size_t index = 0;
  for (const auto& probe : service.at(several ? "probes" : "probe").items()) {
    const auto place = place_of_probe(several, index++);
    const auto& type = probe.at("type").value();
    const auto* plugin = type.is_string() ? plugins.find(type.get<std::string>()) : nullptr;
    if (plugin == nullptr) continue;
    for (const auto& spec : plugin->options) {
      if (spec.kind != OptionKind::command) continue;
      add(place + "." + spec.name, words_of(probe.at(spec.name).value()), deadline, false);
    }
  }
  add("on_up", settings.on_up, settings.hook_timeout, true);
  add("on_down", settings.on_down, settings.hook_timeout, true);
}

std::string place_of_probe(bool several, std::size_t index) {
  return several ? "probes[" + std::to_string(index) + "]" : "probe";
}

}  // namespace anyprobe
