// A JSON value that knows its own path.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config_errors.hpp"
#include "outcome.hpp"

namespace anyprobe {

// The files that a configuration names, by their paths as they stand there: what is in them, or why that
// cannot be known.
using Attachments = std::map<std::string, Outcome<std::string>, std::less<>>;

// One file, or what stands for one.
struct ConfigDocument {
  std::string name;  // as errors call it: "anyprobe.json"
  nlohmann::ordered_json root;
  // Path to flag: what was put there from the command line is called by its flag in errors.
  std::map<std::string, std::string> flags;
  std::shared_ptr<const Attachments> attachments{};  // of all documents; null: none
};

// JSON with comments. An error names line and column, or the path of a key that stands twice.
Outcome<ConfigDocument> parse_document(const std::string& name, std::string_view text);

class ConfigReader {
 public:
  // The document and the errors outlive every reader.
  ConfigReader(const ConfigDocument& document, ConfigErrors& errors)
      : ConfigReader(document, document.root, {}, errors) {}

  [[nodiscard]] const nlohmann::ordered_json& value() const { return *value_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] ConfigReader at(std::string_view key) const;  // what is not there reads as null
  [[nodiscard]] ConfigReader at(std::size_t index) const;
  // This value beside its path, for one that has been completed from elsewhere.
  [[nodiscard]] ConfigReader with_value(const nlohmann::ordered_json& value) const;
  // The items of an array, or the one value that stands for a list of one.
  [[nodiscard]] std::vector<ConfigReader> items() const;

  // A file that the configuration names, read by whoever read the configuration.
  [[nodiscard]] Outcome<std::string> attachment(std::string_view file) const;

  void error(const std::string& what) const;
  [[nodiscard]] ConfigErrors& errors() const { return *errors_; }

  bool expect_object() const;  // or an error
  bool expect_array() const;

 private:
  ConfigReader(const ConfigDocument& document, const nlohmann::ordered_json& value, std::string path,
               ConfigErrors& errors)
      : document_(&document), value_(&value), path_(std::move(path)), errors_(&errors) {}

  const ConfigDocument* document_;
  const nlohmann::ordered_json* value_;
  std::string path_;
  ConfigErrors* errors_;
};

// The path in {"file": "/etc/anyprobe/radius.secret"}; null where the value is nothing of the kind.
const std::string* file_reference(const nlohmann::ordered_json& value);

// How a value is shown in an error: as JSON, cut short, on one line.
std::string shown(const nlohmann::ordered_json& value);

}  // namespace anyprobe
