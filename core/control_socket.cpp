#include "control_socket.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "text.hpp"

namespace anyprobe {
namespace {

constexpr int kBacklog = 32;

Error failed(const std::string& path) {
  return Error{path + ": " + std::strerror(errno)};
}

// Of what is left of a dead instance; errno says why not.
bool clear(const std::string& path) {
  struct stat there {};
  if (lstat(path.c_str(), &there) != 0) return errno == ENOENT;
  if (!S_ISSOCK(there.st_mode)) {
    errno = EEXIST;
    return false;
  }
  return unlink(path.c_str()) == 0;
}

// Bound as nobody's but our own, so that it is at no moment open to others.
bool bind_closed(int socket, const SocketFile& file) {
  const auto before = umask(0177);
  const int result = bind(socket, file.address(), SocketFile::size());
  umask(before);
  return result == 0;
}

// Who is neither root nor in that group keeps it to himself: his own group is for something else.
bool open_to_group(const std::string& path) {
  const group* wanted = getgrnam(kControlGroup);
  struct stat made {};
  if (lstat(path.c_str(), &made) != 0) return false;
  const bool is_theirs = wanted != nullptr && made.st_gid == wanted->gr_gid;
  if (wanted == nullptr && geteuid() != 0) return true;
  if (wanted != nullptr && !is_theirs && lchown(path.c_str(), static_cast<uid_t>(-1), wanted->gr_gid) != 0)
    return errno == EPERM && geteuid() != 0;
  return fchmodat(AT_FDCWD, path.c_str(), 0660, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

Outcome<SocketFile> SocketFile::at(const std::string& folder, const std::string& file) {
  SocketFile out;
  out.address_.sun_family = AF_UNIX;
  auto path = folder + "/" + file;
  constexpr std::size_t kLongest = sizeof out.address_.sun_path - 1;
  if (path.size() > kLongest) {
    out.folder_.reset(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out.folder_.valid()) return failed(folder);
    path = "/proc/self/fd/" + std::to_string(out.folder_.get()) + "/" + file;
  }
  if (path.size() > kLongest) return Error{in_quotes(file) + " is too long for a socket's name"};
  path.copy(out.address_.sun_path, kLongest);
  return out;
}

Outcome<std::unique_ptr<ControlSocket>> ControlSocket::open(const std::string& run_dir,
                                                            const std::string& instance) {
  return open_file(run_dir, instance + ".sock");
}

Outcome<std::unique_ptr<ControlSocket>> ControlSocket::open_file(const std::string& folder,
                                                                 const std::string& file) {
  const auto path = folder + "/" + file;
  const auto place = SocketFile::at(folder, file);
  if (!place) return Error{place.error()};
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid() || !clear(path) || !bind_closed(socket.get(), *place)) return failed(path);
  // From here on, the file goes with it.
  std::unique_ptr<ControlSocket> out(new ControlSocket(std::move(socket), path));
  // First, since one that refuses is taken for dead.
  if (listen(out->get(), kBacklog) != 0 || !open_to_group(path)) return failed(path);
  return out;
}

ControlSocket::~ControlSocket() {
  unlink(path_.c_str());
}

}  // namespace anyprobe
