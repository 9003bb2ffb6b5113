#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "plugin_table.hpp"
#include "seccomp_filter.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string owner_complaint(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return std::strerror(errno);
  if (status.st_uid != 0) return "does not belong to root";
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "is writable by others than root";
  return {};
}

std::vector<std::string> modules_in(int folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(dup(folder)), closedir);
  if (dir == nullptr) return names;
  while (const dirent* entry = readdir(dir.get())) {
    if (std::string_view(entry->d_name).ends_with(".so")) names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string PluginTable::add(const ProbePlugin& plugin) {
  if (plugin.abi != kPluginAbi) {
    return "was built for ABI " + std::to_string(plugin.abi) + ", this is " + std::to_string(kPluginAbi);
  }
  if (plugin.type == nullptr || *plugin.type == '\0' || plugin.create == nullptr)
    return "has no type or no create";
  if (find(plugin.type) != nullptr)
    return "is of type " + in_quotes(plugin.type) + ", which is there already";
  // The runner takes its commands from the keeper, which loads no module and so knows none of its options.
  for (const auto& option : plugin.options) {
    if (option.kind == OptionKind::command)
      return "has an option that is a command: " + in_quotes(option.name);
    if (std::string_view(option.name) == "shared")
      return "has an option \"shared\", which is a key of every probe";
  }
  if (auto wrong = wrong_with_system_calls(plugin); !wrong.empty()) return wrong;
  plugins_.push_back(&plugin);
  return {};
}

std::string PluginTable::wrong_with_system_calls(const ProbePlugin& plugin) const {
  for (const auto* call : plugin.system_calls) {
    const std::string name = call == nullptr ? "" : call;
    if (!is_system_call(name)) return "asks for the system call " + in_quotes(name) + ", which is unknown";
    if (sealed_to_ && std::find(sealed_to_->begin(), sealed_to_->end(), name) == sealed_to_->end())
      return "asks for the system call " + in_quotes(name) + ", and so for a restart";
  }
  return {};
}

std::vector<std::string> PluginTable::system_calls() const {
  std::set<std::string> out;
  for (const auto* plugin : plugins_) out.insert(plugin->system_calls.begin(), plugin->system_calls.end());
  return {out.begin(), out.end()};
}

const ProbePlugin* PluginTable::find_program(std::string_view program) const {
  const auto it = std::find_if(plugins_.begin(), plugins_.end(), [&](const ProbePlugin* plugin) {
    return plugin->program != nullptr && program == plugin->program;
  });
  return it == plugins_.end() ? nullptr : *it;
}

const ProbePlugin* PluginTable::find(std::string_view type) const {
  const auto it =
      std::find_if(plugins_.begin(), plugins_.end(), [&](const auto* p) { return type == p->type; });
  return it == plugins_.end() ? nullptr : *it;
}

bool PluginTable::is_built_in(std::string_view type) const {
  return std::any_of(built_in_.begin(), built_in_.end(), [&](const auto* p) { return type == p->type; }) ||
         std::any_of(absent_.begin(), absent_.end(), [&](const auto& a) { return type == a.type; });
}

std::string PluginTable::types() const {
  std::string out;
  for (const auto* plugin : plugins_) out += (out.empty() ? "" : ", ") + std::string(plugin->type);
  return out;
}

std::string PluginTable::why_not(std::string_view type) const {
  for (const auto& absent : absent_) {
    if (type == absent.type) return "needs " + std::string(absent.needs) + ", which this build lacks";
  }
  return "is no type of probe (one of " + types() + ")";
}

std::string PluginTable::why_not_program(std::string_view program) const {
  for (const auto& absent : absent_) {
    if (absent.program != nullptr && program == absent.program) {
      return "the " + std::string(absent.type) + " probe " + why_not(absent.type);
    }
  }
  return {};
}

std::string PluginTable::load_module(int folder, const std::string& name, const std::string& path) {
  File file(openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.fd() < 0) return errno == ELOOP ? "is a symbolic link" : std::strerror(errno);
  if (auto complaint = owner_complaint(file.fd()); !complaint.empty()) return complaint;
  // By the descriptor that was looked at, so that nothing can be put in its place in between.
  const std::string checked = "/proc/self/fd/" + std::to_string(file.fd());
  void* module = dlopen(checked.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const char* why = dlerror();
    return why == nullptr ? "cannot be loaded" : why;
  }
  // The descriptor stays open for good: the loader knows a module by the name it was opened by, so the same
  // number once more would give this module again.
  (void)file.release();
  modules_.insert(path);
  const auto* plugin = static_cast<const ProbePlugin*>(dlsym(module, ANYPROBE_PLUGIN_SYMBOL));
  if (plugin == nullptr) return "exports no " ANYPROBE_PLUGIN_SYMBOL;
  return add(*plugin);
}

std::vector<std::string> PluginTable::load_folder(const std::string& folder) {
  std::vector<std::string> errors;
  const File dir(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.fd() < 0) return {in_quotes(folder) + ": " + std::strerror(errno)};
  if (const auto complaint = owner_complaint(dir.fd()); !complaint.empty()) {
    return {in_quotes(folder) + " " + complaint};
  }
  for (const auto& name : modules_in(dir.fd())) {
    const auto path = folder + "/" + name;
    if (modules_.contains(path)) continue;
    if (const auto complaint = load_module(dir.fd(), name, path); !complaint.empty()) {
      errors.push_back(in_quotes(path) + " " + complaint);
    }
  }
  return errors;
}

}  // namespace anyprobe
