// Files and flags become the documents of the configuration.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "command_line.hpp"
#include "config_reader.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

void put(json& service, const CommandLine::Setting& setting) {
  const auto dot = setting.path.find('.');
  if (dot == std::string::npos) {
    service[setting.path] = setting.value;
    return;
  }
  auto& above = service[setting.path.substr(0, dot)];
  if (above.is_null() || above.is_object()) above[setting.path.substr(dot + 1)] = setting.value;
}

// What stands beside the services.
void put_on_top(const CommandLine::Setting& setting, ConfigDocument& document) {
  put(document.root, setting);
  document.flags[setting.path] = setting.flag;
}

// The one service of a NAME-probe's file, or of no file at all, with the flags on top.
void add_flags(const CommandLine& line, ConfigDocument& document, ConfigErrors& errors) {
  if (document.root.is_null()) document.root = {{"services", json::array({json::object()})}};
  const ConfigReader top(document, errors);
  if (!top.expect_object() || !top.at("services").expect_array()) return;
  if (top.at("services").value().size() != 1) {
    top.at("services")
        .error(line.program + " runs one service, here are " +
               std::to_string(top.at("services").value().size()) + " (anyprobe run takes several)");
    return;
  }
  // Not kept: what is added beside it moves it.
  const auto service = [&]() -> json& { return document.root["services"][0]; };
  if (!service().is_object()) return;
  if (service().contains("probes")) {
    top.at("services")
        .at(0)
        .at("probes")
        .error(line.program + " takes one \"probe\" (anyprobe run takes several)");
    return;
  }
  if (!service().contains("probe")) service()["probe"] = json::object();
  if (!service()["probe"].is_object()) return;
  auto& type = service()["probe"]["type"];
  if (type.is_null()) type = line.type;
  if (type != line.type) {
    top.at("services")
        .at(0)
        .at("probe")
        .at("type")
        .error(shown(type) + " is not what " + line.program + " runs (" + in_quotes(line.type) + ")");
  }
  if (!service().contains("name")) service()["name"] = line.instance();
  for (const auto& setting : line.settings) {
    if (setting.top) {
      put_on_top(setting, document);
      continue;
    }
    put(service(), setting);
    document.flags["services[0]." + setting.path] = setting.flag;
    for (const auto& [below, word] : setting.words) {
      document.flags["services[0]." + setting.path + below] = word;
    }
  }
}

// Wherever a file may be named: {"file": "..."} and "addresses_from": "...".
void find_referenced(const json& value, std::set<std::string>& out) {
  if (const auto* file = file_reference(value)) {
    out.insert(*file);
    return;
  }
  for (auto item = value.begin(); value.is_structured() && item != value.end(); ++item) {
    if (value.is_object() && item.key() == "addresses_from" && item->is_string()) {
      out.insert(item->get<std::string>());
    }
    find_referenced(*item, out);
  }
}

Outcome<std::vector<SourceFile>> read_configuration(const CommandLine& line) {
  if (!line.one_service()) {
    return read_source_files(
        line.config.empty() ? std::string(kConfigFolder) + "/anyprobe.json" : line.config, true);
  }
  if (!line.config.empty()) return read_source_files(line.config, false);
  const auto usual = std::string(kConfigFolder) + "/" + line.program + ".json";
  if (line.command == Command::probe_daemon && std::filesystem::exists(usual))
    return read_source_files(usual, false);
  return std::vector<SourceFile>();
}

// Somebody hears of the service in another way than by what is announced.
bool tells(const CommandLine& line) {
  return std::any_of(line.settings.begin(), line.settings.end(), [](const auto& setting) {
    return setting.path == "agent.listen" || setting.path == "on_up" || setting.path == "on_down";
  });
}

bool announces(const CommandLine& line) {
  return std::any_of(line.settings.begin(), line.settings.end(),
                     [](const auto& setting) { return setting.path == "advertise"; });
}

std::shared_ptr<const Attachments> attachments_among(const std::vector<SourceFile>& files) {
  const auto out = std::make_shared<Attachments>();
  for (const auto& file : files) {
    if (file.role == SourceFile::Role::configuration) continue;
    const bool there = file.role == SourceFile::Role::attachment;
    out->emplace(file.name, there ? Outcome<std::string>(file.text) : Error{file.text});
  }
  return out;
}

}  // namespace

Outcome<std::vector<SourceFile>> read_files(const CommandLine& line, std::vector<ConfigDocument>* documents) {
  auto files = read_configuration(line);
  if (!files) return files;
  auto out = std::move(files).value();
  ConfigErrors errors;  // told by whoever judges the configuration
  std::set<std::string> referenced;
  auto found = assemble(line, out, errors);
  for (const auto& document : found) find_referenced(document.root, referenced);
  for (const auto& path : referenced) {
    if (!path.starts_with('/')) continue;
    auto file = read_source_file(path, path);
    out.push_back(file ? SourceFile{path, file->text, SourceFile::Role::attachment}
                       : SourceFile{path, file.error(), SourceFile::Role::missing});
  }
  if (documents == nullptr) return out;
  const auto attachments = attachments_among(out);
  for (auto& document : found) document.attachments = attachments;
  *documents = std::move(found);
  return out;
}

std::vector<ConfigDocument> assemble(const CommandLine& line, const std::vector<SourceFile>& files,
                                     ConfigErrors& errors) {
  std::vector<ConfigDocument> out;
  const auto attachments = attachments_among(files);
  for (const auto& file : files) {
    if (file.role != SourceFile::Role::configuration) continue;
    auto document = parse_document(file.name, file.text);
    if (document)
      out.push_back(std::move(document).value());
    else
      errors.add(document.error());
  }
  if (!errors.empty()) return {};
  if (line.one_service()) {
    if (line.command == Command::probe_daemon && out.empty() && !announces(line) && !tells(line)) {
      errors.add("--address: is needed, there is nothing to announce", true);
    }
    const bool no_file = out.empty();
    if (no_file) out.emplace_back();
    add_flags(line, out.front(), errors);
    if (no_file && errors.empty() && tells(line) && !announces(line))
      out.front().root["services"][0]["advertise"] = json::array();
  } else if (!out.empty() && out.back().root.is_object()) {
    // Of several files, what the last one says is so.
    for (const auto& setting : line.settings) put_on_top(setting, out.back());
  }
  for (auto& document : out) document.attachments = attachments;
  return errors.empty() ? std::move(out) : std::vector<ConfigDocument>();
}

void CommandLine::change_log(const LogSettings& configured) const {
  const auto level = log_level ? log_level : configured.level;
  const bool json = log_format ? *log_format == "json" : configured.json.value_or(false);
  anyprobe::change_log(level.value_or(LogLevel::info), json);
}

std::string CommandLine::instance() const {
  if (!name.empty()) return name;
  if (!target.empty()) return program + "-" + target;
  return command == Command::check ? type : program;
}

}  // namespace anyprobe
