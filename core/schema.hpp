// The JSON Schema of the configuration (draft 2020-12), made from the options as they are declared.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "plugin_table.hpp"

namespace anyprobe {

// What the reader takes, the schema takes: for the whole of a file, of anyprobe.json as of conf.d/*.json. The
// other way round it does not hold: what only a look at several values can tell is left to the reader, and
// the schema says so.
nlohmann::ordered_json schema_of(const PluginTable& plugins);

}  // namespace anyprobe
