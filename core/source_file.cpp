#include "source_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

Outcome<std::string> read_descriptor(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return Error{std::strerror(errno)};
  if (S_ISDIR(status.st_mode)) return Error{"is a directory"};
  if (!S_ISREG(status.st_mode) && !(S_ISFIFO(status.st_mode) && fd == STDIN_FILENO))
    return Error{"is no regular file"};
  const Error too_large{"is larger than " + std::to_string(kLargestFile >> 20U) + " MiB"};
  if (static_cast<std::uintmax_t>(status.st_size) > kLargestFile) return too_large;
  std::string text;
  char block[65536];
  for (;;) {
    const auto got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{std::strerror(errno)};
    if (got == 0) return text;
    text.append(block, static_cast<std::size_t>(got));
    if (text.size() > kLargestFile) return too_large;
  }
}

}  // namespace

Outcome<SourceFile> read_source_file(const std::string& path, const std::string& name) {
  // What another program prints is read as it is opened already: `anyprobe init | anyprobe validate ...`.
  if (path == "/dev/stdin") {
    const auto text = read_descriptor(STDIN_FILENO);
    if (!text) return Error{path + ": " + text.error()};
    return SourceFile{name, *text, SourceFile::Role::configuration};
  }
  // Without O_NONBLOCK a fifo in the file's place would hold us for ever.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{path + ": " + std::strerror(errno)};
  const auto text = read_descriptor(fd);
  close(fd);
  if (!text) return Error{path + ": " + text.error()};
  return SourceFile{name, *text, SourceFile::Role::configuration};
}

Outcome<std::vector<SourceFile>> read_source_files(const std::string& path, bool drop_ins) {
  std::vector<SourceFile> out;
  const fs::path main(path);
  auto first = read_source_file(path, main.filename().string());
  if (!first) return Error{first.error()};
  out.push_back(std::move(first).value());
  if (!drop_ins) return out;

  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(main.parent_path() / "conf.d", error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".json" && !it->path().filename().string().starts_with('.')) {
      found.push_back(it->path());
    }
  }
  std::sort(found.begin(), found.end());
  for (const auto& drop_in : found) {
    auto file = read_source_file(drop_in.string(), "conf.d/" + drop_in.filename().string());
    if (!file) return Error{file.error()};
    out.push_back(std::move(file).value());
  }
  return out;
}

}  // namespace anyprobe
