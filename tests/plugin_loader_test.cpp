#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "anyprobe_features.hpp"
#include "core/plugin_table.hpp"
#include "module_folder.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;
namespace fs = std::filesystem;

TEST_CASE("modules of a folder are loaded, each once") {
  ModuleFolder folder;
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
  CHECK(table.types() == PluginTable(builtin_probes()).types() + ", good, other");
}

TEST_CASE("a folder that others may write to, or that is not root's, is not looked into") {
  ModuleFolder folder;
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
  ModuleFolder folder;
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
  ModuleFolder folder;
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

TEST_CASE("what modules ask of the kernel is known, each once") {
  ModuleFolder folder;
  folder.add("good_module", "good.so");
  folder.add("asking_module", "asking.so");
  PluginTable table(builtin_probes());
  CHECK(table.system_calls().empty());
  CHECK(table.load_folder(folder.path()).empty());
  CHECK(table.system_calls() == std::vector<std::string>{"chdir", "memfd_create"});
}

TEST_CASE("once the process is confined, what would need more wants a restart") {
  ModuleFolder folder;
  folder.add("good_module", "good.so");
  PluginTable table(builtin_probes());
  REQUIRE(table.load_folder(folder.path()).empty());
  table.seal();
  folder.add("other_module", "other.so");
  CHECK(table.load_folder(folder.path()).empty());
  folder.add("asking_module", "asking.so");
  CHECK(table.load_folder(folder.path()).front() ==
        "\"" + folder.path() +
            "/asking.so\" asks for the system call \"memfd_create\", and so for a restart");
  CHECK(table.find("asking") == nullptr);
}

#if ANYPROBE_WITH_LIBSECCOMP
TEST_CASE("a module that asks for what is no system call is refused") {
  ModuleFolder folder;
  folder.add("wrong_module", "wrong.so");
  PluginTable table(builtin_probes());
  CHECK(table.load_folder(folder.path())
            .front()
            .ends_with("wrong.so\" asks for the system call \"frobnicate\", which is unknown"));
  CHECK(table.find("wrong") == nullptr);
}
#endif

TEST_CASE("a folder that is not there is one error") {
  PluginTable table(builtin_probes());
  CHECK(table.load_folder("/nonexistent").front() == "\"/nonexistent\": No such file or directory");
}
