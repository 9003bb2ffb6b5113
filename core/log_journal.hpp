// The journal of systemd by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL), so that it has what a line
// says in fields too.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "log.hpp"

namespace anyprobe {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

// Whether the descriptor is what the service manager has connected to the journal: `stream` is its
// JOURNAL_STREAM, "DEVICE:INODE", or null.
[[nodiscard]] bool is_journal(const char* stream, int descriptor);

// `message` has no line feed. Field names become capitals.
[[nodiscard]] std::string journal_entry(LogLevel level, std::string_view program, std::string_view message,
                                        std::span<const LogField> fields);

// Takes journal_entry() for its lines; the message of one that the journal does not take goes to `otherwise`.
// Null where there is no journal at that socket.
[[nodiscard]] std::unique_ptr<LogSink> make_journal_sink(std::unique_ptr<LogSink>& otherwise,
                                                         const char* path = kJournalSocket);

}  // namespace anyprobe
