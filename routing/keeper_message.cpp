#include "keeper_message.hpp"

#include <cstring>

namespace anyprobe {
namespace {

// Both ends are one binary on one host, so numbers are in its own order.
void put(std::string& out, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof bytes);
}

bool take(std::string_view& in, std::uint32_t& number) {
  if (in.size() < sizeof number) return false;
  std::memcpy(&number, in.data(), sizeof number);
  in.remove_prefix(sizeof number);
  return true;
}

bool take(std::string_view& in, std::string& text) {
  std::uint32_t size = 0;
  if (!take(in, size) || in.size() < size) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

}  // namespace

std::string encode(const Message& message) {
  std::string out;
  out.reserve(9 + message.body.size());
  out += static_cast<char>(message.type);
  put(out, message.generation);
  put(out, message.serial);
  return out + message.body;
}

Outcome<Message> decode(std::string_view packet) {
  if (packet.size() > kLargestMessage) return Error{"message too long"};
  if (packet.empty()) return Error{"empty message"};
  const auto type = static_cast<std::uint8_t>(packet.front());
  if (type < static_cast<std::uint8_t>(MessageType::configuration) ||
      type > static_cast<std::uint8_t>(MessageType::reload)) {
    return Error{"message of unknown type " + std::to_string(type)};
  }
  packet.remove_prefix(1);
  Message out;
  out.type = static_cast<MessageType>(type);
  if (!take(packet, out.generation) || !take(packet, out.serial)) return Error{"message cut short"};
  out.body = packet;
  return out;
}

std::string pack_flags(const std::vector<bool>& flags) {
  std::string out;
  put(out, static_cast<std::uint32_t>(flags.size()));
  std::string bits((flags.size() + 7) / 8, '\0');
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) bits[i / 8] = static_cast<char>(static_cast<unsigned char>(bits[i / 8]) | (1U << (i % 8)));
  }
  return out + bits;
}

Outcome<std::vector<bool>> unpack_flags(std::string_view body, std::size_t expected) {
  std::uint32_t count = 0;
  if (!take(body, count) || count != expected || body.size() != (expected + 7) / 8) {
    return Error{"flags that are not for the " + std::to_string(expected) + " advertisements there are"};
  }
  std::vector<bool> out(expected);
  for (std::size_t i = 0; i < expected; ++i) {
    out[i] = (static_cast<unsigned char>(body[i / 8]) >> (i % 8) & 1U) != 0;
  }
  return out;
}

std::string pack_refusal(const Refusal& refusal) {
  std::string out(1, refusal.flags_alone ? '\1' : '\0');
  constexpr std::size_t kRoom = kLargestMessage / 2;
  std::size_t told = 0;
  for (const auto& line : refusal.lines) {
    if (out.size() + line.size() > kRoom) break;
    out += line + '\n';
    ++told;
  }
  if (told < refusal.lines.size()) {
    out += "and " + std::to_string(refusal.lines.size() - told) + " more errors\n";
  }
  return out;
}

Refusal unpack_refusal(std::string_view body) {
  Refusal out;
  if (body.empty()) return out;
  out.flags_alone = body.front() == '\1';
  body.remove_prefix(1);
  constexpr std::size_t kLongestLine = 1000;
  while (!body.empty()) {
    const auto end = body.find('\n');
    std::string line(body.substr(0, std::min(end, kLongestLine)));
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    out.lines.push_back(std::move(line));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
  }
  return out;
}

std::string pack_files(const std::vector<SourceFile>& files) {
  std::string out;
  for (const auto& file : files) {
    put(out, static_cast<std::uint32_t>(file.name.size()));
    out += file.name;
    put(out, static_cast<std::uint32_t>(file.text.size()));
    out += file.text;
  }
  return out;
}

Outcome<std::vector<SourceFile>> unpack_files(std::string_view bytes) {
  std::vector<SourceFile> out;
  while (!bytes.empty()) {
    SourceFile file;
    if (!take(bytes, file.name) || !take(bytes, file.text)) return Error{"configuration cut short"};
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace anyprobe
