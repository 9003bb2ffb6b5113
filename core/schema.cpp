#include "schema.hpp"

#include <algorithm>

#include "advertise_reader.hpp"
#include "config.hpp"
#include "duration.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kLeftToValidate =
    "What a schema cannot say is left to `anyprobe validate`: values that depend on each other (a timeout "
    "above "
    "the interval, prefixes that overlap, names that stand twice, nothing to advertise and nobody to tell), "
    "the "
    "ranges of durations, what a probe knows of its own texts, files and programs that are not there, 1.0 in "
    "place of 1, and a key that stands twice.";

json reference(const std::string& name) {
  return {{"$ref", "#/$defs/" + name}};
}

json has(std::string_view key) {
  return {{"required", json::array({key})}};
}

json with_pattern(const char* pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

// What the kinds of values have in common, once for all options.
void define_kinds(json& defs) {
  constexpr const char* kOctets =
      R"x(^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]))x";
  constexpr const char* kSextets = R"(^(?=.*:.*:)[0-9A-Fa-f:.]+)";
  const auto either = [&](const std::string& four, const std::string& six) {
    return json{{"type", "string"},
                {"anyOf", {{{"pattern", kOctets + four}}, {{"pattern", kSextets + six}}}}};
  };
  defs["duration"] = with_pattern(R"(^-?[0-9]+(ms|s|m|h)$)");
  defs["duration"]["description"] = "a whole number and its unit: 250ms, 1s, 2m, 1h";
  defs["address"] = either("$", "$");
  defs["prefix"] = either("(/0*(3[0-2]|[12]?[0-9]))?$", "(/0*(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$");
  defs["prefix"]["description"] = "an IP address, with the length of a prefix or as a single one";
  // An address, or one with a port: 192.0.2.1, 192.0.2.1:5353, 2001:db8::1, [2001:db8::1]:5353.
  defs["server"] = with_pattern(R"(^(\[[0-9A-Fa-f:.]+\](:[0-9]+)?|[0-9A-Fa-f:.]+)$)");
  defs["host"] = with_pattern(R"(^(\[[0-9A-Fa-f:.]+\](:[0-9]+)?|[0-9A-Fa-f:.]+|[A-Za-z0-9._-]+(:[0-9]+)?)$)");
  defs["secret"] = {{"description", "a text, or the file that it stands in"},
                    {"anyOf",
                     {{{"type", "string"}, {"minLength", 1}},
                      {{"type", "object"},
                       {"properties", {{"file", with_pattern("^/")}}},
                       {"required", {"file"}},
                       {"additionalProperties", false}}}}};
  const json program = with_pattern(R"(^(/[^\u0000]*|(?!\.{1,2}$)[^/\u0000]+)$)");
  defs["command"] = {{"description", "a program and its arguments, run without a shell"},
                     {"anyOf",
                      {program,
                       {{"type", "array"},
                        {"prefixItems", json::array({program})},
                        {"items", {{"type", "string"}}},
                        {"minItems", 1}}}}};
}

json choice_of(const OptionSpec& spec) {
  auto out = json::array();
  for (const char* choice : spec.choices) out.push_back(choice);
  for (const char* choice : spec.choices) {
    const std::string_view text(choice);
    // A number means the same as its text.
    if (text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos &&
        (text == "0" || !text.starts_with('0')))
      out.push_back(std::stoi(choice));
  }
  return {{"enum", std::move(out)}};
}

json one_value(const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionKind::integer: {
      json out = {{"type", "integer"}, {"minimum", spec.minimum}};
      if (spec.maximum != std::numeric_limits<std::int64_t>::max()) out["maximum"] = spec.maximum;
      return out;
    }
    case OptionKind::boolean:
      return {{"type", "boolean"}};
    case OptionKind::choice:
      return choice_of(spec);
    case OptionKind::duration:
      return reference("duration");
    case OptionKind::address:
      return reference("address");
    case OptionKind::server:
      return reference("server");
    case OptionKind::host:
      return reference("host");
    case OptionKind::prefix:
      return reference("prefix");
    case OptionKind::secret:
      return reference("secret");
    case OptionKind::command:
      return reference("command");
    case OptionKind::text:
      break;
  }
  return {{"type", "string"}};
}

// The range of a duration, in the words of `validate`; that of a number is in the schema itself.
std::string range_of(const OptionSpec& spec) {
  if (spec.kind != OptionKind::duration) return {};
  const auto text = [](std::int64_t value) { return format_duration(std::chrono::milliseconds(value)); };
  if (spec.maximum == std::numeric_limits<std::int64_t>::max()) return "; at least " + text(spec.minimum);
  return "; from " + text(spec.minimum) + " to " + text(spec.maximum);
}

json default_value(const OptionSpec& spec) {
  const std::string text = spec.default_value;
  if (spec.kind == OptionKind::integer) return std::stoll(text);
  if (spec.kind == OptionKind::boolean) return text == "true";
  return text;
}

json option(const OptionSpec& spec) {
  auto value = one_value(spec);
  json out = {{"description", spec.help + range_of(spec)}};
  if (spec.default_value != nullptr) out["default"] = default_value(spec);
  if (spec.list && spec.kind != OptionKind::command) {
    const json several = {{"type", "array"}, {"items", value}, {"minItems", 1}};
    out["anyOf"] = {std::move(value), several};
  } else {
    // Both "$ref" and what stands beside it count (draft 2020-12, 8.2.3.1).
    out.update(value);
  }
  return out;
}

void add_options(json& object, std::span<const OptionSpec> specs) {
  for (const auto& spec : specs) {
    object["properties"][spec.name] = option(spec);
    if (spec.required) object["required"].push_back(spec.name);
  }
}

json object_of(std::span<const OptionSpec> specs) {
  json out = {{"type", "object"}, {"properties", json::object()}};
  add_options(out, specs);
  out["additionalProperties"] = false;
  return out;
}

json described(const json& schema, const char* description) {
  json out = {{"description", description}};
  out.update(schema);
  return out;
}

json damping() {
  return {
      {"description",
       "holds a service that goes up and down again and again back for longer each time (RFC 2439); true: "
       "with every default"},
      {"anyOf", {{{"type", {"boolean", "null"}}}, object_of(damping_options())}}};
}

json probe(const PluginTable& plugins, json& defs) {
  json types = json::array();
  json conditions = json::array();
  for (const auto* plugin : plugins.all()) {
    types.push_back(plugin->type);
    const std::string name = "probe_" + std::string(plugin->type);
    json options = {
        {"description", plugin->summary},
        {"properties",
         {{"type", {{"const", plugin->type}, {"description", plugin->summary}}},
          {"shared",
           {{"description",
             "whether it asks for something that other nodes depend on too, so that its failure is "
             "theirs as well"},
            {"type", "boolean"},
            {"default", false}}}}}};
    add_options(options, plugin->options);
    options["additionalProperties"] = false;
    defs[name] = std::move(options);
    conditions.push_back(
        {{"if", {{"properties", {{"type", {{"const", plugin->type}}}}}, {"required", {"type"}}}},
         {"then", reference(name)}});
  }
  return {
      {"type", "object"},
      {"properties", {{"type", {{"description", "what kind of probe it is"}, {"enum", std::move(types)}}}}},
      {"required", {"type"}},
      {"allOf", std::move(conditions)}};
}

json advertised(json& defs) {
  struct Kind {
    std::string_view key;
    std::span<const OptionSpec> options;
  };
  const Kind kinds[] = {{"address", address_options()},
                        {"route", route_options()},
                        {"link", link_options()},
                        {"addresses_from", addresses_from_options()}};
  json keys = json::object();
  json conditions = json::array();
  json any = json::array();
  for (const auto& [key, options] : kinds) {
    const auto name = "advertise_" + std::string(key);
    defs[name] = object_of(options);
    if (key == "route") defs[name]["anyOf"] = {has("device"), has("via")};
    keys[key] = defs[name]["properties"][key];
    conditions.push_back({{"if", has(key)}, {"then", reference(name)}});
    any.push_back(has(key));
  }
  return {{"type", "object"},
          {"properties", std::move(keys)},
          {"anyOf", std::move(any)},
          {"allOf", std::move(conditions)}};
}

json some(const char* description, json items) {
  return {{"description", description}, {"type", "array"}, {"items", std::move(items)}, {"minItems", 1}};
}

// A key of a service, or of the whole, that is no option. Empty where it is not known here: the schema then
// takes whatever is there.
json structure(std::string_view key) {
  if (key == "name") {
    return {{"description", "what it is called; no two are called the same"},
            {"type", "string"},
            {"pattern", "^[A-Za-z0-9_:][A-Za-z0-9._:-]{0,63}$"}};
  }
  if (key == "probe") {
    auto out = described(reference("probe"), "what is asked whether the service works");
    out["properties"] = {{"shared", {{"const", false}}}};
    return out;
  }
  if (key == "probes") {
    auto out = some("several of them, instead of \"probe\"", reference("probe"));
    out["contains"] = {{"not", {{"properties", {{"shared", {{"const", true}}}}}, {"required", {"shared"}}}}};
    return out;
  }
  if (key == "require") {
    return {{"description", "how many of the probes must pass"},
            {"default", "all"},
            {"anyOf", {{{"enum", {"all", "any", nullptr}}}, {{"type", "integer"}, {"minimum", 1}}}}};
  }
  if (key == "advertise") {
    auto out =
        some("what is announced while the service is up; nothing where an agent or a hook tells others",
             reference("advertise"));
    out.erase("minItems");
    return out;
  }
  if (key == "damping") return reference("damping");
  if (key == "services") {
    return {{"description", "what is probed and announced; those of all files add up"},
            {"type", {"array", "null"}},
            {"items", reference("service")}};
  }
  if (key == "defaults") {
    auto out = object_of(service_options());
    out["properties"]["damping"] = reference("damping");
    return described(out, "what holds for each service, of every file, that does not say it itself");
  }
  if (key == "log") return described(object_of(log_options()), "how the log is");
  if (key == "frr") return described(object_of(frr_options()), "the routing daemon that is asked");
  if (key == "metrics")
    return described(object_of(metrics_options()), "where metrics and the page are asked");
  if (key == "agent") return described(object_of(agent_options()), "where HAProxy's agent-check is answered");
  if (key == "$schema") return {{"description", "for editors: where this schema is"}, {"type", "string"}};
  return json::object();
}

void add_structure(json& object, std::span<const std::string_view> keys) {
  for (const auto key : keys) object["properties"][key] = structure(key);
}

}  // namespace

nlohmann::ordered_json schema_of(const PluginTable& plugins) {
  json defs = json::object();
  define_kinds(defs);
  defs["damping"] = damping();
  defs["advertise"] = advertised(defs);
  defs["probe"] = probe(plugins, defs);
  json service = {{"type", "object"}, {"properties", json::object()}};
  add_structure(service, service_keys());
  add_options(service, service_options());
  service["required"] = {"name", "advertise"};
  service["oneOf"] = {has("probe"), has("probes")};
  service["additionalProperties"] = false;
  defs["service"] = std::move(service);

  json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"$id", "https://anyprobe.example/anyprobe.schema.json"},
              {"title", "Configuration of anyprobe"},
              {"description", "anyprobe.json(5): /etc/anyprobe/anyprobe.json and conf.d/*.json beside it"},
              {"$comment", kLeftToValidate},
              {"type", "object"},
              {"properties", json::object()}};
  add_structure(out, top_keys());
  add_options(out, top_options());
  out["additionalProperties"] = false;
  out["$defs"] = std::move(defs);
  return out;
}

}  // namespace anyprobe
