#include "instance_state.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "advertise_reader.hpp"
#include "config.hpp"
#include "config_reader.hpp"
#include "replace_file.hpp"
#include "source_file.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kAdvertise = "advertise";
constexpr const char* kDrained = "drained";
constexpr const char* kUntil = "handed_over_until_ms";

std::string failed(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

}  // namespace

std::string state_path(const std::string& run_dir, const std::string& name) {
  return run_dir + "/" + name + std::string(kStateEnding);
}

std::string write_state(const InstanceState& state) {
  nlohmann::ordered_json out;
  const auto until =
      std::chrono::duration_cast<std::chrono::milliseconds>(state.handed_over_until.time_since_epoch());
  if (until.count() > 0) out[kUntil] = until.count();
  out[kAdvertise] = nlohmann::ordered_json::array();
  for (const auto& what : state.advertisements) out[kAdvertise].push_back(describe(what));
  if (!state.drained.empty()) out[kDrained] = state.drained;
  return out.dump() + "\n";
}

Outcome<InstanceState> parse_state(std::string_view text) {
  const auto root = json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains(kAdvertise) || !root[kAdvertise].is_array())
    return Error{"is no state of an instance"};
  InstanceState out;
  if (root.contains(kUntil)) {
    const auto& until = root[kUntil];
    constexpr std::int64_t kLatest = std::int64_t{1} << 42U;  // of milliseconds: a century
    if (!until.is_number_integer() || until < 0 || until > kLatest)
      return Error{std::string(kUntil) + " is no time"};
    out.handed_over_until = TimePoint(std::chrono::milliseconds(until.get<std::int64_t>()));
  }
  if (root.contains(kDrained)) {
    if (!root[kDrained].is_array()) return Error{std::string(kDrained) + " is no list"};
    for (const auto& name : root[kDrained]) {
      if (!name.is_string()) return Error{std::string(kDrained) + " has what is no name"};
      const auto wrong = wrong_with_name(name.get<std::string>());
      if (!wrong.empty()) return Error{std::string(kDrained) + ": " + wrong};
      out.drained.insert(name.get<std::string>());
    }
  }
  for (const auto& item : root[kAdvertise]) {
    // One at a time: what was and what is to be may overlap.
    if (item.is_object() && item.contains("addresses_from")) return Error{"names a file of addresses"};
    ConfigDocument document;
    document.root = json::array({item});
    ConfigErrors errors;
    auto one = AdvertiseReader().read(ConfigReader(document, errors), {});
    if (!errors.empty()) return Error{errors.lines().front()};
    out.advertisements.insert(out.advertisements.end(), one.begin(), one.end());
  }
  return out;
}

Outcome<InstanceState> load_state(const std::string& run_dir, const std::string& name) {
  const auto path = state_path(run_dir, name);
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return InstanceState{};
  const auto file = read_source_file(path, name);
  if (!file) return Error{file.error()};
  auto state = parse_state(file->text);
  if (!state) return Error{path + ": " + state.error()};
  return state;
}

std::string save_state(const std::string& run_dir, const std::string& name, const InstanceState& state) {
  const auto path = state_path(run_dir, name);
  if (state.advertisements.empty() && state.drained.empty()) {
    return unlink(path.c_str()) == 0 || errno == ENOENT ? std::string() : failed(path);
  }
  return replace_file(path, write_state(state));
}

}  // namespace anyprobe
