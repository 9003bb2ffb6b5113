#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "core/plugin_table.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;
namespace fs = std::filesystem;

namespace {

// The modules that the build made for this test: see tests/meson.build.
fs::path module_file(const std::string& name) {
  return fs::path(ANYPROBE_TEST_MODULES) / ("lib" + name + ".so");
}

// A folder of root's, as the loader demands it. Needs to be run as root.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/anyprobe-modules-XXXXXX";
    REQUIRE(geteuid() == 0);
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
    fs::permissions(path_, fs::perms(0755));
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path add(const std::string& module, const std::string& as) {
    fs::copy_file(module_file(module), path_ / as);
    fs::permissions(path_ / as, fs::perms(0644));
    return path_ / as;
  }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("modules of a folder are loaded, each once") {
  Folder folder;
  folder.add("good_module", "good.so");
  folder.add("other_module", "other.so");
  fs::copy_file("/etc/passwd", folder.path() + "/notes.txt");
  PluginTable table(builtin_probes());
  CHECK(table.load_folder(folder.path()).empty());
  CHECK(table.load_folder(folder.path()).empty());
  REQUIRE(table.find("good") != nullptr);
  REQUIRE(table.find("other") != nullptr);
  CHECK(std::string(table.find("good")->summary) == "passes always");
  CHECK(std::string(table.find("other")->summary) == "another one");
  CHECK(table.types() == "dns, tcp, good, other");
}

TEST_CASE("a folder that others may write to, or that is not root's, is not looked into") {
  Folder folder;
  folder.add("good_module", "good.so");
  PluginTable table(builtin_probes());
  for (const auto mode : {0777, 0775, 0757}) {
    fs::permissions(folder.path(), fs::perms(mode));
    const auto errors = table.load_folder(folder.path());
    REQUIRE(errors.size() == 1);
    CHECK(errors.front() == "\"" + folder.path() + "\" is writable by others than root");
  }
  fs::permissions(folder.path(), fs::perms(0755));
  REQUIRE(chown(folder.path().c_str(), 65534, 65534) == 0);
  CHECK(table.load_folder(folder.path()).front() == "\"" + folder.path() + "\" does not belong to root");
  CHECK(table.find("good") == nullptr);
}

TEST_CASE("a module that others may write to, that is not root's, or that is a link, is left out") {
  Folder folder;
  const auto writable = folder.add("good_module", "a.so");
  fs::permissions(writable, fs::perms(0664));
  const auto foreign = folder.add("good_module", "b.so");
  REQUIRE(chown(foreign.c_str(), 65534, 0) == 0);
  fs::create_symlink(module_file("good_module"), folder.path() + "/c.so");
  PluginTable table(builtin_probes());
  const auto errors = table.load_folder(folder.path());
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].ends_with("a.so\" is writable by others than root"));
  CHECK(errors[1].ends_with("b.so\" does not belong to root"));
  CHECK(errors[2].ends_with("c.so\" is a symbolic link"));
  CHECK(table.find("good") == nullptr);
}

TEST_CASE("a module of another ABI, of a type there is, or of none, is refused") {
  Folder folder;
  folder.add("old_module", "a.so");
  folder.add("dns_module", "b.so");
  folder.add("empty_module", "c.so");
  fs::copy_file("/etc/passwd", folder.path() + "/d.so");
  fs::permissions(folder.path() + "/d.so", fs::perms(0644));
  PluginTable table(builtin_probes());
  const auto errors = table.load_folder(folder.path());
  REQUIRE(errors.size() == 4);
  CHECK(errors[0].ends_with("a.so\" was built for ABI 0, this is " + std::to_string(kPluginAbi)));
  CHECK(errors[1].ends_with("b.so\" is of type \"dns\", which is there already"));
  CHECK(errors[2].ends_with("c.so\" exports no anyprobe_plugin"));
  CHECK(errors[3].find("invalid ELF header") != std::string::npos);
  CHECK(table.all().size() == builtin_probes().size());
}

TEST_CASE("a folder that is not there is one error") {
  PluginTable table(builtin_probes());
  CHECK(table.load_folder("/nonexistent").front() == "\"/nonexistent\": No such file or directory");
}
