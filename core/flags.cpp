#include "flags.hpp"

#include <getopt.h>

#include <algorithm>
#include <charconv>

#include "config_reader.hpp"

namespace anyprobe {
namespace {

// Words of `text` in lines of `width`, each but the first after `indent` spaces.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at = end + 1;
  }
  return out;
}

}  // namespace

Outcome<std::vector<std::string>> parse_flags(const std::vector<std::string>& arguments,
                                              const std::vector<FlagGroup>& groups, bool options_first) {
  std::vector<const Flag*> flags;
  std::vector<option> table;
  for (const auto& group : groups) {
    for (const auto& flag : group.flags) {
      table.push_back({flag.name.c_str(), static_cast<int>(flag.argument), nullptr, 0});
      flags.push_back(&flag);
    }
  }
  table.push_back({});

  std::vector<std::string> copies = arguments;
  std::vector<char*> argv;
  for (auto& copy : copies) argv.push_back(copy.data());
  argv.push_back(nullptr);
  const int argc = static_cast<int>(copies.size());

  optind = 0;  // glibc starts afresh
  opterr = 0;
  const char* short_options = options_first ? "+:" : ":";
  for (;;) {
    const int at = std::max(optind, 1);
    int index = -1;
    const int found = getopt_long(argc, argv.data(), short_options, table.data(), &index);
    if (found == -1) break;
    const std::string given = at < argc ? argv[static_cast<std::size_t>(optind - 1)] : "";
    const auto name = given.substr(0, given.find('='));
    if (found == ':') return Error{name + ": lacks its value"};
    if (found == '?' && given.find('=') != std::string::npos &&
        std::any_of(flags.begin(), flags.end(), [&](const Flag* f) { return "--" + f->name == name; })) {
      return Error{name + ": takes no value"};
    }
    if (found == '?') return Error{name + ": no such option, or one cut too short"};
    const auto& flag = *flags[static_cast<std::size_t>(index)];
    if (auto wrong = flag.take(optarg == nullptr ? "" : optarg); !wrong.empty()) {
      return Error{"--" + flag.name + ": " + wrong};
    }
  }
  return std::vector<std::string>(argv.begin() + optind, argv.begin() + argc);
}

std::string format_flags(const std::vector<FlagGroup>& groups) {
  constexpr std::size_t kColumn = 28;
  constexpr std::size_t kWidth = 79;
  std::string out;
  for (const auto& group : groups) {
    out += "\n" + group.title + ":\n";
    for (const auto& flag : group.flags) {
      std::string left = "  --" + flag.name;
      if (flag.argument == Flag::Argument::required) left += " " + flag.placeholder;
      if (flag.argument == Flag::Argument::optional) left += "[=" + flag.placeholder + "]";
      if (left.size() + 2 > kColumn) {
        left += "\n" + std::string(kColumn, ' ');
      } else {
        left.resize(kColumn, ' ');
      }
      out += left + wrapped(flag.help, kColumn, kWidth) + "\n";
    }
  }
  return out;
}

nlohmann::ordered_json flag_value(const OptionSpec& spec, const std::string& text) {
  if (spec.kind == OptionKind::boolean) {
    if (text.empty() || text == "true") return true;
    if (text == "false") return false;
  }
  if (spec.kind == OptionKind::integer) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  return text;
}

bool is_utf8(const std::string& text) {
  try {
    (void)nlohmann::ordered_json(text).dump();
    return true;
  } catch (const nlohmann::ordered_json::exception&) {
    return false;
  }
}

std::string flag_name(std::string_view option) {
  std::string out(option);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

std::string placeholder_of(const OptionSpec& spec) {
  if (spec.placeholder != nullptr) return spec.placeholder;
  switch (spec.kind) {
    case OptionKind::integer:
      return "NUMBER";
    case OptionKind::boolean:
      return "true|false";
    case OptionKind::duration:
      return "TIME";
    case OptionKind::address:
      return "ADDRESS";
    case OptionKind::server:
      return "ADDRESS[:PORT]";
    case OptionKind::host:
      return "HOST[:PORT]";
    case OptionKind::prefix:
      return "PREFIX";
    case OptionKind::choice: {
      std::string out;
      for (const char* choice : spec.choices) out += (out.empty() ? "" : "|") + std::string(choice);
      return out;
    }
    case OptionKind::command:
      return "WORD";
    case OptionKind::secret:
    case OptionKind::text:
      break;
  }
  return "TEXT";
}

std::string full_help(const OptionSpec& spec) {
  std::string out = spec.help;
  if (spec.default_value != nullptr) out += " (default: " + std::string(spec.default_value) + ")";
  if (spec.kind == OptionKind::command)
    out += "; given once for each word, the program first";
  else if (spec.list)
    out += "; may be given several times";
  if (spec.required) out += "; required";
  return out;
}

}  // namespace anyprobe
