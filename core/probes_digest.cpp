#include "probes_digest.hpp"
#include "config_reader.hpp"

#include <nettle/sha2.h>

#include <functional>
#include <set>
#include <string>
#include <utility>

namespace anyprobe {
namespace {

// A secret in a file is changed there: that is another question too.
void add_attachments(const ConfigReader& reader, const nlohmann::ordered_json& value, std::string& asks) {
  if (const auto* file = file_reference(value)) {
    const auto text = reader.attachment(*file);
    asks += '\0' + (text ? text.value() : std::string());
    return;
  }
  if (!value.is_structured()) return;
  for (const auto& item : value) add_attachments(reader, item, asks);
}

}  // namespace

ProbesDigest digest_of_probes(const ConfigReader& probes) {
  auto text = probes.value().dump();
  add_attachments(probes, probes.value(), text);
  static_assert(ProbesDigest{}.size() == SHA256_DIGEST_SIZE);
  ProbesDigest out;
  sha256_ctx state;
  sha256_init(&state);
  sha256_update(&state, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  sha256_digest(&state, out.size(), out.data());
  return out;
}

std::string_view types_of_probes(const std::vector<ConfigReader>& probes) {
  static std::set<std::string, std::less<>> all;  // few, and thousands of services have the same
  std::set<std::string> types;
  for (const auto& probe : probes) {
    const auto& value = probe.value();
    if (value.is_object() && value.contains("type") && value["type"].is_string())
      types.insert(value["type"].get<std::string>());
  }
  std::string out;
  for (const auto& type : types) out += (out.empty() ? "" : "+") + type;
  return *all.insert(std::move(out)).first;
}

}  // namespace anyprobe
