#include "core/control_socket.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

using namespace anyprobe;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = fs::temp_directory_path() / "anyprobe-control-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

bool connects(const std::string& folder, const std::string& file) {
  const auto place = SocketFile::at(folder, file);
  if (!place) return false;
  const Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(client.get(), place->address(), SocketFile::size()) == 0;
}

}  // namespace

TEST_CASE("control socket: it listens, for root and the group alone, and goes with its owner") {
  Folder folder;
  {
    const auto control = ControlSocket::open(folder.path, "dns-probe");
    REQUIRE(control);
    struct stat there {};
    REQUIRE(stat((folder.path + "/dns-probe.sock").c_str(), &there) == 0);
    CHECK(S_ISSOCK(there.st_mode));
    CHECK((there.st_mode & 07777) == 0660);
    const group* wanted = getgrnam(kControlGroup);
    CHECK(there.st_gid == (wanted != nullptr ? wanted->gr_gid : getegid()));
    CHECK(connects(folder.path, "dns-probe.sock"));
  }
  CHECK(fs::is_empty(folder.path));
}

TEST_CASE("control socket: that of a dead one is replaced, and nothing else is") {
  Folder folder;
  const auto path = folder.path + "/dns-probe.sock";
  {
    const auto place = SocketFile::at(folder.path, "dns-probe.sock");
    REQUIRE(place);
    const Descriptor dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(bind(dead.get(), place->address(), SocketFile::size()) == 0);
  }
  CHECK_FALSE(connects(folder.path, "dns-probe.sock"));
  {
    const auto control = ControlSocket::open(folder.path, "dns-probe");
    REQUIRE(control);
    CHECK(connects(folder.path, "dns-probe.sock"));
  }
  std::ofstream(path) << "kept";
  const auto control = ControlSocket::open(folder.path, "dns-probe");
  REQUIRE_FALSE(control);
  CHECK(control.error() == path + ": File exists");
  CHECK(fs::is_regular_file(path));
}

TEST_CASE("control socket: a folder whose name is longer than an address is no obstacle") {
  Folder folder;
  const auto deep = folder.path + "/" + std::string(100, 'x');
  fs::create_directory(deep);
  const auto name = std::string(64, 'n');  // as long as one may be
  const auto control = ControlSocket::open(deep, name);
  REQUIRE_MESSAGE(control, (control ? "" : control.error()));
  CHECK(fs::is_socket(deep + "/" + name + ".sock"));
  CHECK(connects(deep, name + ".sock"));
  CHECK(ControlSocket::open(folder.path + "/none", name).error().ends_with("No such file or directory"));
}
