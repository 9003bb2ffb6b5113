#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <map>
#include <stdexcept>
#include <tuple>

#include "command_runner.hpp"
#include "config_reader.hpp"
#include "duration.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

struct Value {
  bool given = false;
  bool present = false;
  std::vector<std::int64_t> numbers;  // integers, booleans, milliseconds
  std::vector<std::string> texts;
};

std::string join(std::span<const char* const> words) {
  std::string out;
  for (const char* word : words) out += (out.empty() ? "" : ", ") + std::string(word);
  return out;
}

template <typename T>
void complain(std::vector<std::string>& complaints, const Outcome<T>& parsed) {
  if (!parsed) complaints.push_back(parsed.error());
}

std::string out_of_range(const OptionSpec& spec, const std::string& what, const std::string& low,
                         const std::string& high) {
  if (spec.maximum == std::numeric_limits<std::int64_t>::max()) return what + " is less than " + low;
  return what + " is not from " + low + " to " + high;
}

// What is wrong with a secret is said without it.
void read_secret(const ConfigReader& where, Value& out, std::vector<std::string>& complaints) {
  std::string secret;
  if (const auto* file = file_reference(where.value())) {
    if (!file->starts_with('/')) {
      complaints.push_back(in_quotes(*file) + " is no absolute path");
      return;
    }
    auto text = where.attachment(*file);
    if (!text) {
      complaints.push_back(text.error());
      return;
    }
    secret = std::move(text).value();
    if (secret.ends_with('\n')) secret.pop_back();
    if (secret.ends_with('\r')) secret.pop_back();
    if (secret.empty()) complaints.push_back(*file + ": is empty");
  } else if (where.value().is_string()) {
    secret = where.value().get<std::string>();
    if (secret.empty()) complaints.emplace_back("is empty");
  } else {
    complaints.emplace_back(R"(is neither a text nor {"file": "/path"})");
    return;
  }
  if (secret.find('\0') != std::string::npos) complaints.emplace_back("has a NUL in it");
  out.texts.push_back(std::move(secret));
}

// One value of the declared kind into `out`, or one complaint.
void read_item(const OptionSpec& spec, const ConfigReader& where, Value& out,
               std::vector<std::string>& complaints) {
  const auto& item = where.value();
  switch (spec.kind) {
    case OptionKind::integer: {
      if (!item.is_number_integer()) {
        complaints.push_back(shown(item) + " is no whole number");
        return;
      }
      const bool huge =
          item.is_number_unsigned() &&
          item.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      const auto number = huge ? std::numeric_limits<std::int64_t>::max() : item.get<std::int64_t>();
      out.numbers.push_back(number);
      if (huge || number < spec.minimum || number > spec.maximum) {
        complaints.push_back(
            out_of_range(spec, shown(item), std::to_string(spec.minimum), std::to_string(spec.maximum)));
      }
      return;
    }
    case OptionKind::boolean:
      if (!item.is_boolean())
        complaints.push_back(shown(item) + " is neither true nor false");
      else
        out.numbers.push_back(item.get<bool>() ? 1 : 0);
      return;
    case OptionKind::duration: {
      const auto parsed =
          item.is_string()
              ? parse_duration(item.get<std::string>())
              : Outcome<std::chrono::milliseconds>(Error{shown(item) + " is no duration (try \"500ms\")"});
      complain(complaints, parsed);
      if (!parsed) return;
      const std::int64_t number = parsed->count();
      out.numbers.push_back(number);
      if (number < spec.minimum || number > spec.maximum) {
        complaints.push_back(out_of_range(spec, shown(item),
                                          format_duration(std::chrono::milliseconds(spec.minimum)),
                                          format_duration(std::chrono::milliseconds(spec.maximum))));
      }
      return;
    }
    default:
      break;
  }
  if (spec.kind == OptionKind::secret) {
    read_secret(where, out, complaints);
    return;
  }
  const bool number = spec.kind == OptionKind::choice && item.is_number_integer();  // 5 means "5"
  if (!item.is_string() && !number) {
    complaints.push_back(shown(item) + " is no text (try \"...\")");
    return;
  }
  const auto text = number ? item.dump() : item.get<std::string>();
  if (text.find('\0') != std::string::npos) complaints.push_back(in_quotes(text) + " has a NUL in it");
  switch (spec.kind) {
    case OptionKind::address:
      complain(complaints, IpAddress::parse(text));
      break;
    case OptionKind::server:
      complain(complaints, SocketAddress::parse(text, 1));
      break;
    case OptionKind::host:
      complain(complaints, Host::parse(text, 1));
      break;
    case OptionKind::prefix:
      complain(complaints, Prefix::parse(text));
      break;
    case OptionKind::choice:
      if (std::none_of(spec.choices.begin(), spec.choices.end(), [&](const char* c) { return text == c; })) {
        complaints.push_back(in_quotes(text) + " is none of " + join(spec.choices));
      }
      break;
    default:
      break;
  }
  out.texts.push_back(text);
}

json default_of(const OptionSpec& spec) {
  const std::string text = spec.default_value;
  switch (spec.kind) {
    case OptionKind::integer:
      return std::stoll(text);
    case OptionKind::boolean:
      return text == "true";
    default:
      return text;
  }
}

Value parse_default(const OptionSpec& spec, const ConfigReader& object) {
  Value out;
  if (spec.default_value == nullptr) return out;
  std::vector<std::string> impossible;
  const auto given = default_of(spec);
  read_item(spec, object.with_value(given), out, impossible);
  out.present = true;
  if (!impossible.empty()) throw std::logic_error(std::string(spec.name) + ": " + impossible.front());
  return out;
}

// What thousands of services are made of is for the most part these, so each is made once. A literal is known
// by where it stands.
const Value& default_value_of(const OptionSpec& spec, const ConfigReader& object) {
  using Key = std::tuple<const char*, OptionKind, std::int64_t, std::int64_t, const char* const*>;
  static std::map<Key, Value> known;
  const Key key{spec.default_value, spec.kind, spec.minimum, spec.maximum, spec.choices.data()};
  const auto there = known.find(key);
  return there != known.end() ? there->second : known.emplace(key, parse_default(spec, object)).first->second;
}

}  // namespace

struct Options::Impl {
  Impl(const ConfigReader& where, std::span<const OptionSpec> declared)
      : object(where), specs(declared), errors_before(where.errors().size()) {}

  ConfigReader object;
  std::span<const OptionSpec> specs;
  std::size_t errors_before;
  std::deque<Value> own;                                          // those that were said
  std::vector<std::pair<std::string_view, const Value*>> values;  // few: they are found sooner than in a map
  CommandRunner* runner = nullptr;
  CommandName commands;  // the place without the option's own name

  void read(const OptionSpec& spec) {
    if (!object.has(spec.name)) {
      if (spec.required) object.error("lacks " + in_quotes(spec.name));
      values.emplace_back(spec.name, &default_value_of(spec, object));
      return;
    }
    auto& value = own.emplace_back();
    const auto reader = object.at(spec.name);
    if (reader.value().is_array() && !spec.list) {
      reader.error("takes one value, not an array");
    } else if (reader.value().is_array() && reader.value().empty()) {
      reader.error("is an empty list");
    } else {
      bool good = true;
      for (const auto& item : reader.items()) {
        std::vector<std::string> complaints;
        read_item(spec, item, value, complaints);
        for (const auto& what : complaints) item.error(what);
        good = good && complaints.empty();
      }
      if (good && spec.kind == OptionKind::command && !is_program_name(value.texts.front())) {
        reader.error(in_quotes(value.texts.front()) +
                     " is no program (an absolute path, or a name that is looked for in " +
                     std::string(kCommandPath) + ")");
        good = false;
      }
      if (good)
        value.given = value.present = true;
      else
        value = {};
    }
    values.emplace_back(spec.name, &value);
  }

  [[nodiscard]] const Value& find(std::string_view name) const {
    const auto it =
        std::find_if(values.begin(), values.end(), [&](const auto& one) { return one.first == name; });
    if (it == values.end()) throw std::logic_error("option " + std::string(name) + " was not declared");
    return *it->second;
  }
};

Options::Options(const ConfigReader& object, std::span<const OptionSpec> specs,
                 std::span<const std::string_view> others)
    : impl_(std::make_unique<Impl>(object, specs)) {
  if (object.expect_object()) {
    for (auto item = object.value().begin(); item != object.value().end(); ++item) {
      const auto& key = item.key();
      const bool known =
          std::any_of(specs.begin(), specs.end(), [&](const auto& s) { return key == s.name; }) ||
          std::find(others.begin(), others.end(), key) != others.end();
      if (!known) object.at(key).error("is not known here");
    }
  }
  impl_->values.reserve(specs.size());
  for (const auto& spec : specs) impl_->read(spec);
}

Options::~Options() = default;

bool Options::given(std::string_view name) const {
  return impl_->find(name).given;
}
bool Options::has(std::string_view name) const {
  return impl_->find(name).present;
}

std::string Options::text(std::string_view name) const {
  const auto& texts = impl_->find(name).texts;
  return texts.empty() ? std::string() : texts.front();
}

std::vector<std::string> Options::texts(std::string_view name) const {
  return impl_->find(name).texts;
}
std::int64_t Options::integer(std::string_view name) const {
  const auto& numbers = impl_->find(name).numbers;
  return numbers.empty() ? 0 : numbers.front();
}
std::vector<std::int64_t> Options::integers(std::string_view name) const {
  return impl_->find(name).numbers;
}
bool Options::boolean(std::string_view name) const {
  return integer(name) != 0;
}

std::chrono::milliseconds Options::duration(std::string_view name) const {
  return std::chrono::milliseconds(integer(name));
}

std::vector<IpAddress> Options::addresses(std::string_view name) const {
  std::vector<IpAddress> out;
  for (const auto& text : impl_->find(name).texts) out.push_back(*IpAddress::parse(text));
  return out;
}

std::vector<Prefix> Options::prefixes(std::string_view name) const {
  std::vector<Prefix> out;
  for (const auto& text : impl_->find(name).texts) out.push_back(*Prefix::parse(text));
  return out;
}

std::vector<SocketAddress> Options::servers(std::string_view name, std::uint16_t default_port) const {
  std::vector<SocketAddress> out;
  for (const auto& text : impl_->find(name).texts) out.push_back(*SocketAddress::parse(text, default_port));
  return out;
}

std::vector<Host> Options::hosts(std::string_view name, std::uint16_t default_port) const {
  std::vector<Host> out;
  for (const auto& text : impl_->find(name).texts) out.push_back(*Host::parse(text, default_port));
  return out;
}

ProbeCommand Options::command(std::string_view name) const {
  const auto& place = impl_->commands;
  return {impl_->runner, {place.service, place.place + "." + std::string(name)}, impl_->find(name).texts};
}

void Options::run_commands_by(CommandRunner* runner, std::string service, std::string place) {
  impl_->runner = runner;
  impl_->commands = {std::move(service), std::move(place)};
}

void Options::error(std::string_view name, const std::string& what) {
  (name.empty() ? impl_->object : impl_->object.at(name)).error(what);
}

void Options::error(std::string_view name, std::size_t index, const std::string& what) {
  const auto reader = impl_->object.at(name);
  (reader.value().is_array() ? reader.at(index) : reader).error(what);
}

bool Options::failed() const {
  return impl_->object.errors().size() != impl_->errors_before;
}

bool is_program_name(std::string_view word) {
  return !word.empty() && (word.front() == '/' || word.find('/') == std::string_view::npos) && word != "." &&
         word != "..";
}

}  // namespace anyprobe
