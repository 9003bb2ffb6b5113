#include "completion.hpp"

#include <stdexcept>
#include <vector>

#include "command_words.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

// What stands behind `program [command]`.
struct Words {
  std::string program;
  std::string command;
  std::string help;
  std::string positional;
  std::vector<Flag> flags;
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

std::string shell_word(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

Words words_of(std::vector<std::string> arguments, const PluginTable& plugins) {
  Words out;
  out.program = arguments.front();
  if (arguments.size() > 1) out.command = arguments[1];
  arguments.emplace_back("--help");
  const auto line = parse_command_line(arguments, plugins);
  if (!line) throw std::runtime_error("completion: " + line.error());
  for (const auto& group : line->flags)
    out.flags.insert(out.flags.end(), group.flags.begin(), group.flags.end());
  return out;
}

std::vector<Words> all_words(const PluginTable& plugins) {
  std::vector<Words> out;
  for (const auto& command : command_words()) {
    out.push_back(words_of({"anyprobe", command.name}, plugins));
    out.back().help = command.help;
    out.back().positional = command.positional;
  }
  for (const auto* plugin : plugins.all()) {
    if (plugin->program == nullptr) continue;
    out.push_back(words_of({plugin->program}, plugins));
    out.back().help = plugin->summary;
  }
  return out;
}

std::vector<std::string> types(const PluginTable& plugins) {
  std::vector<std::string> out;
  for (const auto* plugin : plugins.all()) out.emplace_back(plugin->type);
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// "text|json" is a choice, "ADDRESS[:PORT]" and "error|warning" are told apart by their letters.
std::vector<std::string> choices_of(const Flag& flag) {
  const auto& text = flag.placeholder;
  if (text.find('|') == std::string::npos) return {};
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '|')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

// How the argument of a flag is completed: by files, folders, types, interfaces, or the words of a choice.
std::string source_of(const Flag& flag, const PluginTable& plugins) {
  if (const auto choices = choices_of(flag); !choices.empty()) return joined(choices);
  if (flag.name == "type") return joined(types(plugins));
  if (flag.placeholder == "PATH") return "@files";
  if (flag.placeholder == "DIR") return "@folders";
  if (flag.name == "interface" || flag.name == "device" || flag.name == "link" || flag.name == "bind-device")
    return "@interfaces";
  return "@nothing";
}

// The one list that all shells' functions read, a line for each: program, command, flag, whether it takes
// something (none, required, optional), where that comes from, and what it does.
std::string table(const std::vector<Words>& all, const PluginTable& plugins, const char* separator) {
  std::string out;
  for (const auto& words : all) {
    for (const auto& flag : words.flags) {
      const char* takes = flag.argument == Flag::Argument::none       ? "none"
                          : flag.argument == Flag::Argument::required ? "required"
                                                                      : "optional";
      out += words.program + separator + words.command + separator + "--" + flag.name + separator + takes +
             separator + (flag.argument == Flag::Argument::none ? "" : source_of(flag, plugins)) + separator +
             flag.help + "\n";
    }
  }
  return out;
}

std::string programs(const std::vector<Words>& all) {
  std::string out = "anyprobe";
  for (const auto& words : all) {
    if (words.command.empty()) out += " " + words.program;
  }
  return out;
}

std::string commands() {
  std::string out;
  for (const auto& command : command_words()) out += (out.empty() ? "" : " ") + std::string(command.name);
  return out;
}

std::string of_positional(const char* what) {
  std::string out;
  for (const auto& command : command_words()) {
    if (std::string_view(command.positional) == what)
      out += (out.empty() ? "" : "|") + std::string(command.name);
  }
  return out;
}

// What a daemon answers is asked for while the line is typed.
constexpr const char* kServices =
    "anyprobe status --json $run_dir 2>/dev/null | sed -n '/\"instances\": /q; s/^      \"name\": "
    "\"\\(.*\\)\",$/\\1/p'";

std::string zsh_escaped(std::string text) {
  for (const char* each : {"\\", "[", "]", ":"}) {
    if (std::string_view(each) == "\\")
      text = replaced(std::move(text), "\\", "\\\\");
    else
      text = replaced(std::move(text), each, "\\" + std::string(each));
  }
  return text;
}

std::string zsh_arguments(const Words& words, const PluginTable& plugins, const std::string& indent) {
  std::string out = indent + "_arguments -s \\\n";
  for (const auto& flag : words.flags) {
    std::string spec = "*--" + flag.name;
    if (flag.argument == Flag::Argument::optional) spec += "=-";
    spec += "[" + zsh_escaped(flag.help) + "]";
    if (flag.argument != Flag::Argument::none) {
      const auto source = source_of(flag, plugins);
      spec += std::string(flag.argument == Flag::Argument::optional ? "::" : ":") +
              zsh_escaped(flag.placeholder) + ":";
      if (source == "@files")
        spec += "_files";
      else if (source == "@folders")
        spec += "_files -/";
      else if (source == "@interfaces")
        spec += "_net_interfaces";
      else if (source != "@nothing")
        spec += "(" + source + ")";
      else
        spec += " ";
    }
    out += indent + "  " + shell_word(spec) + " \\\n";
  }
  if (words.positional == "services") return out + indent + "  '*:service:_anyprobe_services'\n";
  if (words.positional == "types") return out + indent + "  '1:type:(" + joined(types(plugins)) + ")'\n";
  return out + indent + "  && return\n";
}

std::string fish(const std::vector<Words>& all, const PluginTable& plugins) {
  std::string out;
  for (const auto& command : command_words())
    out += "complete -c anyprobe -n __fish_use_subcommand -a " + std::string(command.name) + " -d " +
           shell_word(command.help) + "\n";
  out += "complete -c anyprobe -n __fish_use_subcommand -l help -d 'print this'\n";
  out += "complete -c anyprobe -n __fish_use_subcommand -l version -d 'print the version'\n";
  for (const auto& words : all) {
    const auto where =
        "complete -c " + words.program +
        (words.command.empty() ? "" : " -n '__fish_seen_subcommand_from " + words.command + "'");
    for (const auto& flag : words.flags) {
      out += where + " -l " + flag.name + " -d " + shell_word(flag.help);
      if (flag.argument == Flag::Argument::required) {
        const auto source = source_of(flag, plugins);
        out += source == "@files"        ? " -r -F"
               : source == "@folders"    ? " -x -a '(__fish_complete_directories)'"
               : source == "@interfaces" ? " -x -a '(__fish_print_interfaces)'"
               : source == "@nothing"    ? " -x"
                                         : " -x -a " + shell_word(source);
      }
      out += "\n";
    }
    if (words.positional == "services") out += where + " -a '(__anyprobe_services)'\n";
    if (words.positional == "types") out += where + " -a " + shell_word(joined(types(plugins))) + "\n";
  }
  return out;
}

}  // namespace

std::string completion_for(const std::string& shell, const std::string& form, const PluginTable& plugins) {
  const auto all = all_words(plugins);
  auto out = form;
  std::string zsh_commands;
  std::string zsh_anyprobe;
  std::string zsh_programs;
  for (const auto& words : all) {
    const bool command = !words.command.empty();
    if (command) zsh_commands += "    " + shell_word(words.command + ":" + words.help) + "\n";
    const std::string indent = command ? "        " : "    ";
    auto& to = command ? zsh_anyprobe : zsh_programs;
    to += indent + (command ? words.command : words.program) + ")\n" +
          zsh_arguments(words, plugins, indent + "  ") + indent + "  ;;\n";
  }
  out = replaced(std::move(out), "@services@", kServices);
  out = replaced(std::move(out), "@commands@", commands());
  out = replaced(std::move(out), "@programs@", programs(all));
  out = replaced(std::move(out), "@service_commands@", of_positional("services"));
  out = replaced(std::move(out), "@type_commands@", of_positional("types"));
  out = replaced(std::move(out), "@types@", joined(types(plugins)));
  out = replaced(std::move(out), "@zsh_commands@", zsh_commands);
  out = replaced(std::move(out), "@zsh_anyprobe@", zsh_anyprobe);
  out = replaced(std::move(out), "@zsh_programs@", zsh_programs);
  if (shell == "fish") out = replaced(std::move(out), "@fish@", fish(all, plugins));
  return replaced(std::move(out), "@table@", table(all, plugins, "|"));
}

}  // namespace anyprobe
