// The flags of a NAME-probe that say what is announced, and the list of advertisements that they make.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "flags.hpp"

namespace anyprobe {

class AnnounceFlags {
 public:
  // They refer to this object.
  std::vector<Flag> flags();
  // A route of which the words of the command line are called so in errors: "DEV" and "ADDR".
  void add_route(const std::string& prefix, const std::string& device, const std::string& prefix_word,
                 const std::string& device_word);
  // As "advertise" of the configuration; nothing where no flag was given. Error: a usage error.
  Outcome<std::optional<CommandLine::Setting>> setting() const;

 private:
  struct Item {
    nlohmann::ordered_json value;
    std::string kind;  // "address", "route", ...
    std::vector<std::pair<std::string, std::string>>
        words;  // what its keys are called, where not by their flag
  };

  Flag item_flag(const std::string& kind, const std::string& placeholder, const std::string& help);
  Flag route_flag(const std::string& key, const std::string& placeholder, const std::string& help);

  std::vector<Item> items_;
  // A run of --route shares what is said of them behind it; the next --route after that begins another.
  std::vector<std::size_t> run_;
  bool run_ends_ = false;
  std::string interface_;
};

}  // namespace anyprobe
