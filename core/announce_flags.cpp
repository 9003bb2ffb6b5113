#include "announce_flags.hpp"

#include <algorithm>
#include <filesystem>

namespace anyprobe {

using json = nlohmann::ordered_json;

namespace {

bool takes_interface(const std::string& kind) {
  return kind == "address" || kind == "addresses_from";
}

}  // namespace

std::vector<Flag> AnnounceFlags::flags() {
  std::vector<Flag> out;
  out.push_back(item_flag("address", "PREFIX", "a service address; may be given several times"));
  out.push_back(
      item_flag("addresses_from", "PATH",
                "a file of service addresses and subnets of them, one a line, # begins a comment; may "
                "be given several times"));
  out.push_back({"interface", Flag::Argument::required, "NAME",
                 "the interface that addresses are added to (default: lo)", [this](const std::string& value) {
                   interface_ = value;
                   return is_utf8(value) ? std::string() : "is no UTF-8";
                 }});
  out.push_back(item_flag("route", "PREFIX", "a route of the kernel; may be given several times"));
  out.push_back(route_flag(
      "device", "DEV", "the interface that the routes right before it go through; likewise the next three"));
  out.push_back(route_flag("via", "GATEWAY", "the gateway they go by"));
  out.push_back(route_flag("metric", "NUMBER", "their metric in the kernel"));
  out.push_back(route_flag("table", "NUMBER", "the routing table they are put into (default: 254, main)"));
  out.push_back(item_flag("link", "NAME",
                          "an interface that is set up and down as a whole; may be given several times"));
  return out;
}

Flag AnnounceFlags::item_flag(const std::string& kind, const std::string& placeholder,
                              const std::string& help) {
  return {flag_name(kind), Flag::Argument::required, placeholder, help,
          [this, kind](const std::string& value) {
            if (!is_utf8(value)) return std::string("is no UTF-8");
            if (kind == "route") {
              if (std::exchange(run_ends_, false)) run_.clear();
              run_.push_back(items_.size());
            }
            // The background runs in /.
            const bool path = kind == "addresses_from" && !value.empty();
            items_.push_back({{{kind, path ? std::filesystem::absolute(value).string() : value}}, kind, {}});
            return std::string();
          }};
}

Flag AnnounceFlags::route_flag(const std::string& key, const std::string& placeholder,
                               const std::string& help) {
  return {key, Flag::Argument::required, placeholder, help, [this, key](const std::string& value) {
            if (!is_utf8(value)) return std::string("is no UTF-8");
            const auto specs = route_options();
            const auto spec = std::find_if(specs.begin(), specs.end(),
                                           [&](const OptionSpec& each) { return each.name == key; });
            for (const auto i : run_) items_[i].value[key] = flag_value(*spec, value);
            run_ends_ = true;
            return run_.empty() ? std::string("stands after the --route that it is of") : std::string();
          }};
}

void AnnounceFlags::add_route(const std::string& prefix, const std::string& device,
                              const std::string& prefix_word, const std::string& device_word) {
  items_.insert(
      items_.begin(),
      {{{"route", prefix}, {"device", device}}, "route", {{"route", prefix_word}, {"device", device_word}}});
}

Outcome<std::optional<CommandLine::Setting>> AnnounceFlags::setting() const {
  const bool any =
      std::any_of(items_.begin(), items_.end(), [](const Item& item) { return takes_interface(item.kind); });
  if (!interface_.empty() && !any) return Error{"--interface: goes with --address or --addresses-from"};
  if (items_.empty()) return std::optional<CommandLine::Setting>();
  CommandLine::Setting out{"--" + flag_name(items_.front().kind), "advertise", json::array()};
  for (const auto& item : items_) {
    const auto path = "[" + std::to_string(out.value.size()) + "]";
    auto value = item.value;
    if (takes_interface(item.kind) && !interface_.empty()) value["interface"] = interface_;
    out.words[path] = "--" + flag_name(item.kind);
    for (auto key = value.begin(); key != value.end(); ++key) {
      out.words[path + "." + key.key()] = "--" + flag_name(key.key());
    }
    for (const auto& [key, word] : item.words) {
      out.words[path + "." + key] = word;
      if (key == item.kind) out.words[path] = word;
    }
    out.value.push_back(std::move(value));
  }
  return std::optional(std::move(out));
}

}  // namespace anyprobe
