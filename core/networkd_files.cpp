#include "networkd_files.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                    "/usr/lib/systemd"};

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Each assignment with the section that it stands in.
template <typename Take>
void each_line(const std::string& text, Take take) {
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      section = line;
      continue;
    }
    const auto sign = line.find('=');
    if (sign == std::string::npos) continue;
    take(section, trimmed(line.substr(0, sign)), trimmed(line.substr(sign + 1)));
  }
}

bool is_no(std::string value) {
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return value == "no" || value == "n" || value == "false" || value == "f" || value == "off" || value == "0";
}

std::string contents(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

// By name, so that what stands in /etc hides what the package has.
std::map<std::string, fs::path> files_in(const std::string& root, const std::string& folder,
                                         const std::string& ending) {
  std::map<std::string, fs::path> out;
  for (const auto* above : kFolders) {
    std::error_code error;
    for (fs::directory_iterator it(root + above + folder, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().extension() == ending) out.emplace(it->path().filename().string(), it->path());
    }
  }
  return out;
}

std::vector<std::string> texts_of(const std::map<std::string, fs::path>& files) {
  std::vector<std::string> out;
  for (const auto& [name, path] : files) out.push_back(contents(path));
  return out;
}

}  // namespace

bool manages_foreign_routes(const std::vector<std::string>& files) {
  bool out = true;
  for (const auto& text : files) {
    each_line(text, [&](const std::string& section, const std::string& key, const std::string& value) {
      if (section == "[Network]" && key == "ManageForeignRoutes") out = !is_no(value);
    });
  }
  return out;
}

NetworkdLink parse_network_file(const std::string& name, const std::vector<std::string>& texts) {
  NetworkdLink out{name, {}};
  for (const auto& text : texts) {
    each_line(text, [&](const std::string& section, const std::string& key, const std::string& value) {
      if (section == "[Match]" && key == "Name") {
        std::istringstream words(value);
        for (std::string word; words >> word;) out.names.push_back(word);
      }
      if (section == "[Network]" && key == "KeepConfiguration")
        out.keeps = value == "static" || (!is_no(value) && !value.empty() && !value.starts_with("dhcp"));
    });
  }
  return out;
}

NetworkdSettings read_networkd(const std::string& root) {
  NetworkdSettings out;
  std::vector<std::string> texts;
  for (const auto* above : kFolders) {
    if (auto text = contents(root + above + "/networkd.conf"); !text.empty()) {
      texts.push_back(std::move(text));
      break;
    }
  }
  for (auto& text : texts_of(files_in(root, "/networkd.conf.d", ".conf"))) texts.push_back(std::move(text));
  out.manages_foreign_routes = manages_foreign_routes(texts);
  for (const auto& [name, path] : files_in(root, "/network", ".network")) {
    std::vector<std::string> parts{contents(path)};
    for (auto& text : texts_of(files_in(root, "/network/" + name + ".d", ".conf")))
      parts.push_back(std::move(text));
    out.links.push_back(parse_network_file(name, parts));
  }
  return out;
}

const NetworkdLink* file_of(const NetworkdSettings& settings, const std::string& interface) {
  for (const auto& link : settings.links) {
    bool matched = false;
    bool excluded = false;
    for (const auto& name : link.names) {
      const bool negated = name.starts_with('!');
      if (fnmatch(name.c_str() + (negated ? 1 : 0), interface.c_str(), 0) != 0) continue;
      (negated ? excluded : matched) = true;
    }
    const bool negative_alone =
        !link.names.empty() &&
        std::all_of(link.names.begin(), link.names.end(), [](const auto& n) { return n.starts_with('!'); });
    if ((matched || negative_alone) && !excluded) return &link;
  }
  return nullptr;
}

}  // namespace anyprobe
