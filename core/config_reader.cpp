#include "config_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kDepth = 32;  // ours has five levels; a bound keeps a hostile file off the stack

// Builds the value, and sees what the library's own builder does not tell: keys that stand twice, and how
// deep it is. That one would also go through all of an array at the end of each object in it.
class Builder final : public nlohmann::json_sax<json> {
 public:
  json root;
  std::string wrong;  // where it is no JSON

  [[nodiscard]] std::string complaint() const {
    if (too_deep_) return "is nested more than " + std::to_string(kDepth) + " levels deep";
    if (!twice_.empty()) return twice_ + ": stands here twice";
    return {};
  }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t& value) override { return put(std::move(value)); }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }

  bool key(string_t& name) override {
    auto& members = open_.back()->get_ref<json::object_t&>();
    const auto [member, fresh] = members.emplace(name, json());
    if (!fresh && twice_.empty()) twice_ = path() + member->first;
    slot_ = &member->second;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    wrong = error.what();
    return false;
  }

 private:
  template <typename T>
  bool put(T&& value) {
    add(std::forward<T>(value));
    return true;
  }

  bool open(json value) {
    if (open_.size() >= kDepth) too_deep_ = true;
    open_.push_back(&add(std::move(value)));
    return true;
  }

  bool end() {
    open_.pop_back();
    return true;
  }

  // Of an array, what was added before moves in memory; nothing of that is open any more.
  json& add(json value) {
    if (open_.empty()) return root = std::move(value);
    if (!open_.back()->is_array()) return *slot_ = std::move(value);
    open_.back()->push_back(std::move(value));
    return open_.back()->back();
  }

  // Of the innermost object, with what is to stand between it and a key.
  [[nodiscard]] std::string path() const {
    std::string out;
    for (std::size_t level = 0; level + 1 < open_.size(); ++level) {
      const auto& outer = *open_[level];
      if (outer.is_array()) {
        out += "[" + std::to_string(outer.size() - 1) + "]";
        continue;
      }
      const auto& members = outer.get_ref<const json::object_t&>();
      const auto found = std::find_if(members.begin(), members.end(),
                                      [&](const auto& member) { return &member.second == open_[level + 1]; });
      out += (out.empty() ? "" : ".") + found->first;
    }
    return out.empty() ? out : out + ".";
  }

  std::vector<json*> open_;
  json* slot_ = nullptr;  // of the key that was read last
  std::string twice_;
  bool too_deep_ = false;
};

// nlohmann's text is "[json.exception...] parse error at line 3, column 7: syntax error ...": ours begins at
// "line".
std::string tidy(const std::string& what) {
  const auto at = what.find("line ");
  auto out = at == std::string::npos ? what : what.substr(at);
  // What was read last may be a secret.
  if (const auto last = out.find("; last read: '"); last != std::string::npos) out.resize(last);
  for (char& c : out) {
    // What is no ASCII is what it complains of.
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) c = '?';
  }
  constexpr std::size_t kLongest = 200;
  if (out.size() > kLongest) out = out.substr(0, kLongest) + "...";
  return out;
}

const json& null_value() {
  static const json value;
  return value;
}

}  // namespace

Outcome<ConfigDocument> parse_document(const std::string& name, std::string_view text) {
  Builder builder;
  json::sax_parse(text.begin(), text.end(), &builder, json::input_format_t::json, /*strict=*/true,
                  /*ignore_comments=*/true);
  if (!builder.wrong.empty()) return Error{name + ": " + tidy(builder.wrong)};
  if (const auto complaint = builder.complaint(); !complaint.empty()) return Error{name + ": " + complaint};
  return ConfigDocument{.name = name, .root = std::move(builder.root), .flags = {}, .attachments = {}};
}

const std::string* file_reference(const json& value) {
  if (!value.is_object() || value.size() != 1 || !value.contains("file")) return nullptr;
  return value["file"].get_ptr<const std::string*>();
}

Outcome<std::string> ConfigReader::attachment(std::string_view file) const {
  if (document_->attachments != nullptr) {
    if (const auto it = document_->attachments->find(file); it != document_->attachments->end()) {
      return it->second;
    }
  }
  return Error{std::string(file) + ": was not read"};
}

bool ConfigReader::has(std::string_view key) const {
  return value_->is_object() && value_->contains(key);
}

ConfigReader ConfigReader::at(std::string_view key) const {
  const json* child = &null_value();
  if (value_->is_object()) {
    if (const auto found = value_->find(key); found != value_->end()) child = &*found;
  }
  std::string path;
  path.reserve(path_.size() + 1 + key.size());
  path += path_;
  if (!path.empty()) path += '.';
  path += key;
  return {*document_, *child, std::move(path), *errors_};
}

ConfigReader ConfigReader::at(std::size_t index) const {
  const auto& child = value_->is_array() && index < value_->size() ? (*value_)[index] : null_value();
  return {*document_, child, path_ + "[" + std::to_string(index) + "]", *errors_};
}

ConfigReader ConfigReader::with_value(const json& value) const {
  return {*document_, value, path_, *errors_};
}

std::vector<ConfigReader> ConfigReader::items() const {
  if (!value_->is_array()) return {*this};
  std::vector<ConfigReader> out;
  for (std::size_t i = 0; i < value_->size(); ++i) out.push_back(at(i));
  return out;
}

void ConfigReader::error(const std::string& what) const {
  for (auto path = path_; !path.empty();) {
    if (const auto flag = document_->flags.find(path); flag != document_->flags.end()) {
      errors_->add(flag->second + ": " + what, true);
      return;
    }
    const auto cut = path.find_last_of(".[");
    path.resize(cut == std::string::npos ? 0 : cut);
  }
  std::string where = document_->name;
  if (!path_.empty()) where += (where.empty() ? "" : ": ") + path_;
  errors_->add(where + (where.empty() ? "" : ": ") + what);
}

bool ConfigReader::expect_object() const {
  if (value_->is_object()) return true;
  error(shown(*value_) + " is no object (try { ... })");
  return false;
}

bool ConfigReader::expect_array() const {
  if (value_->is_array()) return true;
  error(shown(*value_) + " is no array (try [ ... ])");
  return false;
}

std::string shown(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  auto text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  constexpr std::size_t kLongest = 60;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

std::string shown(std::string_view text) {
  return shown(json(std::string(text)));
}

}  // namespace anyprobe
