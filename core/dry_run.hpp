// --dry-run: a prober alone, in one process and without privilege. What would be changed in the kernel is
// logged.
#pragma once

#include <functional>
#include <memory>

#include "background.hpp"
#include "command_line.hpp"
#include "plugin_table.hpp"
#include "prober.hpp"

namespace anyprobe {

// Has the prober hear of the host's sockets and interfaces for as long as what it returns lives.
using Hearing = std::function<std::shared_ptr<void>(EventLoop& loop, Prober& prober)>;

// Returns the exit code.
int run_dry(const CommandLine& line, PluginTable& plugins, Background& background, const Hearing& hearing);

}  // namespace anyprobe
