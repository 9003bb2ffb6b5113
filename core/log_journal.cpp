#include "log_journal.hpp"

#include <endian.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include <cctype>
#include <cstring>
#include <utility>

#include "descriptor.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kMessage = "MESSAGE=";

void add(std::string_view key, std::string_view value, std::string& to) {
  for (const char c : key)
    to += std::isalnum(static_cast<unsigned char>(c)) != 0
              ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
              : '_';
  if (value.find('\n') == std::string_view::npos) {
    to += '=';
  } else {
    // Where it has lines of its own, its length says where it ends.
    const std::uint64_t size = htole64(value.size());
    char octets[sizeof size];
    std::memcpy(octets, &size, sizeof size);
    to += '\n';
    to.append(octets, sizeof octets);
  }
  to += value;
  to += '\n';
}

class JournalSink final : public LogSink {
 public:
  JournalSink(Descriptor socket, std::unique_ptr<LogSink> otherwise)
      : socket_(std::move(socket)), otherwise_(std::move(otherwise)) {}

  void write(LogLevel level, const std::string& entry) override {
    if (send(socket_.get(), entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return;
    const auto begin = entry.find(kMessage) + kMessage.size();
    otherwise_->write(level, entry.substr(begin, entry.find('\n', begin) - begin));
  }

 private:
  Descriptor socket_;
  std::unique_ptr<LogSink> otherwise_;
};

}  // namespace

bool is_journal(const char* stream, int descriptor) {
  struct stat status {};
  if (stream == nullptr || fstat(descriptor, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::string journal_entry(LogLevel level, std::string_view program, std::string_view message,
                          std::span<const LogField> fields) {
  constexpr int kPriority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
  std::string out;
  add("MESSAGE", message, out);
  add("PRIORITY", std::to_string(kPriority[static_cast<int>(level)]), out);
  add("SYSLOG_IDENTIFIER", program, out);
  for (const auto& field : fields) add(field.key, field.value, out);
  return out;
}

std::unique_ptr<LogSink> make_journal_sink(std::unique_ptr<LogSink>& otherwise, const char* path) {
  sockaddr_un address{AF_UNIX, {}};
  if (std::strlen(path) >= sizeof address.sun_path) return nullptr;
  std::strcpy(address.sun_path, path);
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() ||
      connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return nullptr;
  return std::make_unique<JournalSink>(std::move(socket), std::move(otherwise));
}

}  // namespace anyprobe
