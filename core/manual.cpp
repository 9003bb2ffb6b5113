// Makes a shell's completion from a template in a folder `completion`, else a manual page: copies a template
// to standard output and puts what the code declares where a line says so.
//   @os                 the program and its version
//   @flags WORD...      the flags that `WORD... --help` tells
//   @keys WHAT          the keys of service, damping, address, route, link, addresses_from, top, log, frr,
//   agent, or of a probe's type
//   @probes             the keys of every built-in probe
//   @findings           what doctor looks for
//   @include NAME       another file of the template's folder
//   @example NAME       another file of the template's folder, as it is
// @program stands anywhere for the page's name.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "anyprobe_features.hpp"
#include "command_line.hpp"
#include "completion.hpp"
#include "doctor_host.hpp"
#include "duration.hpp"
#include "probes/builtin.hpp"
#include "routing/doctor_frr.hpp"
#include "routing/doctor_network.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

// Text as mandoc prints it unchanged, without line breaks at dashes.
std::string escaped(std::string text) {
  text = replaced(std::move(text), "\\", "\\e");
  text = replaced(std::move(text), "-", "\\-");
  if (!text.empty() && (text.front() == '.' || text.front() == '\'')) text.insert(0, "\\&");
  return text;
}

std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return escaped(std::move(text)) + ".\n";
}

std::string item(const Flag& flag) {
  std::string out = ".It Fl " + escaped("-" + flag.name);
  const auto argument = "Ar " + escaped(flag.placeholder);
  if (flag.argument == Flag::Argument::required) out += " " + argument;
  if (flag.argument == Flag::Argument::optional) out += " Ns Oo = Ns " + argument + " Oc";
  return out + "\n" + sentence(flag.help);
}

std::string list(const std::string& items) {
  return ".Bl -tag -width Ds\n" + items + ".El\n";
}

// A page has its own heading where there is one group alone.
std::string flags(const std::vector<std::string>& words, const PluginTable& plugins) {
  auto arguments = words;
  arguments.emplace_back("--help");
  const auto line = parse_command_line(arguments, plugins);
  if (!line) throw std::runtime_error("@flags: " + line.error());
  std::string out;
  for (const auto& group : line->flags) {
    if (line->flags.size() > 1) out += ".Ss " + escaped(group.title) + "\n";
    std::string items;
    for (const auto& flag : group.flags) items += item(flag);
    out += list(items);
  }
  return out;
}

std::string kind(const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionKind::text:
      return "Text";
    case OptionKind::integer:
      return "Whole number";
    case OptionKind::boolean:
      return "true or false";
    case OptionKind::duration:
      return "Duration";
    case OptionKind::address:
      return "IP address";
    case OptionKind::server:
      return "IP address, with a port or without";
    case OptionKind::host:
      return "IP address or name of a host, with a port or without";
    case OptionKind::secret:
      return "Text, or an object with the absolute path of its \"file\"";
    case OptionKind::command:
      return "Array of texts: a program and its arguments";
    case OptionKind::prefix:
      return "IP address or prefix";
    case OptionKind::choice:
      break;
  }
  std::string out;
  for (const char* choice : spec.choices) out += (out.empty() ? "One of " : ", ") + in_quotes(choice);
  return out;
}

std::string range(const OptionSpec& spec) {
  const bool duration = spec.kind == OptionKind::duration;
  if (spec.kind != OptionKind::integer && !duration) return {};
  const auto shown = [&](std::int64_t value) {
    return duration ? format_duration(std::chrono::milliseconds(value)) : std::to_string(value);
  };
  if (spec.maximum == std::numeric_limits<std::int64_t>::max()) return ", at least " + shown(spec.minimum);
  return " from " + shown(spec.minimum) + " to " + shown(spec.maximum);
}

std::string keys(std::span<const OptionSpec> specs) {
  std::string items;
  for (const auto& spec : specs) {
    items += ".It Cm " + escaped(spec.name) + "\n";
    auto facts = kind(spec) + range(spec);
    if (spec.list && spec.kind != OptionKind::command) facts += ", or an array of such";
    if (spec.default_value != nullptr) facts += "; default " + std::string(spec.default_value);
    if (spec.required) facts += "; required";
    items += sentence(facts) + sentence(spec.help);
  }
  return list(items);
}

std::string keys_of(const std::string& what, const PluginTable& plugins) {
  if (what == "service") return keys(service_options());
  if (what == "damping") return keys(damping_options());
  if (what == "address") return keys(address_options());
  if (what == "route") return keys(route_options());
  if (what == "link") return keys(link_options());
  if (what == "addresses_from") return keys(addresses_from_options());
  if (what == "top") return keys(top_options());
  if (what == "log") return keys(log_options());
  if (what == "frr") return keys(frr_options());
  if (what == "metrics") return keys(metrics_options());
  if (what == "agent") return keys(agent_options());
  const auto* plugin = plugins.find(what);
  if (plugin == nullptr) throw std::runtime_error("@keys: there are none of " + in_quotes(what));
  return keys(plugin->options);
}

std::string probes(const PluginTable& plugins) {
  std::string out;
  for (const auto* plugin : plugins.all()) {
    out += ".Ss Keys of the " + escaped(plugin->type) + " probe\n";
    out += sentence(plugin->summary) + keys(plugin->options);
  }
  return out;
}

template <typename Facts>
std::string findings(std::span<const Check<Facts>> checks) {
  std::string items;
  for (const auto& [text, look] : checks) {
    items += ".It Cm " + escaped(text.id) + " Pq " + std::string(to_string(text.gravity)) + "\n";
    items += sentence(text.title) + sentence(text.why);
  }
  return list(items);
}

std::string findings() {
  return ".Ss The host and the configuration\n" + findings(host_checks()) + ".Ss The network\n" +
         findings(network_checks()) + ".Ss FRR\n" + findings(frr_checks());
}

std::string contents(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + " cannot be read");
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::string example(const fs::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + " cannot be read");
  std::string out = ".Bd -literal -offset indent\n";
  for (std::string line; std::getline(in, line);) out += escaped(std::move(line)) + "\n";
  return out + ".Ed\n";
}

void make_page(const fs::path& path, const std::string& program, const PluginTable& plugins) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + " cannot be read");
  for (std::string line; std::getline(in, line);) {
    line = replaced(std::move(line), "@program", program);
    if (!line.starts_with('@')) {
      std::cout << line << "\n";
      continue;
    }
    std::istringstream words_in(line);
    std::vector<std::string> words;
    for (std::string word; words_in >> word;) words.push_back(word);
    const auto directive = words.front();
    words.erase(words.begin());
    if (directive == "@os" && words.empty())
      std::cout << ".Os anyprobe " << ANYPROBE_VERSION << "\n";
    else if (directive == "@flags" && !words.empty())
      std::cout << flags(words, plugins);
    else if (directive == "@keys" && words.size() == 1)
      std::cout << keys_of(words.front(), plugins);
    else if (directive == "@probes" && words.empty())
      std::cout << probes(plugins);
    else if (directive == "@findings" && words.empty())
      std::cout << findings();
    else if (directive == "@include" && words.size() == 1)
      make_page(path.parent_path() / words.front(), program, plugins);
    else if (directive == "@example" && words.size() == 1)
      std::cout << example(path.parent_path() / words.front());
    else
      throw std::runtime_error(path.string() + ": " + line + ": is not understood");
  }
}

}  // namespace
}  // namespace anyprobe

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: manual TEMPLATE\n");
    return 64;
  }
  try {
    const anyprobe::PluginTable plugins(anyprobe::builtin_probes());
    const std::filesystem::path path(argv[1]);
    if (path.parent_path().filename() == "completion") {
      std::cout << anyprobe::completion_for(path.stem().string(), anyprobe::contents(path), plugins);
      return std::cout.flush() ? 0 : 1;
    }
    // "dns-probe.8.in" is of dns-probe.
    anyprobe::make_page(path, path.stem().stem().string(), plugins);
    return std::cout.flush() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "manual: %s\n", e.what());
    return 1;
  }
}
