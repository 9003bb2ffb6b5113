// A folder for modules, and the modules that the build made for tests: see tests/meson.build.
#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace anyprobe {

inline std::filesystem::path module_file(const std::string& name) {
  return std::filesystem::path(ANYPROBE_TEST_MODULES) / ("lib" + name + ".so");
}

// Of root's, as the loader demands it. Needs to be run as root.
class ModuleFolder {
 public:
  ModuleFolder() {
    char name[] = "/tmp/anyprobe-modules-XXXXXX";
    REQUIRE(geteuid() == 0);
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~ModuleFolder() { std::filesystem::remove_all(path_); }
  ModuleFolder(const ModuleFolder&) = delete;
  ModuleFolder& operator=(const ModuleFolder&) = delete;

  std::filesystem::path add(const std::string& module, const std::string& as) {
    std::filesystem::copy_file(module_file(module), path_ / as);
    std::filesystem::permissions(path_ / as, std::filesystem::perms(0644));
    return path_ / as;
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace anyprobe
