#include "keeper_message.hpp"

#include <algorithm>
#include <limits>

#include "core/packing.hpp"

namespace anyprobe {
namespace {

void put_lines(std::string& out, const std::vector<std::string>& lines, std::size_t room, const char* more) {
  room += out.size();
  std::size_t told = 0;
  for (const auto& line : lines) {
    if (out.size() + line.size() > room) break;
    out += line + '\n';
    ++told;
  }
  if (told < lines.size()) out += "and " + std::to_string(lines.size() - told) + more + '\n';
}

void put_flags(std::string& out, const std::vector<bool>& flags) {
  for (const bool flag : flags) out += flag ? '\1' : '\0';
}

Outcome<std::vector<bool>> take_flags(std::string_view octets) {
  std::vector<bool> out;
  for (const char octet : octets) {
    if (octet != '\0' && octet != '\1') return Error{"a flag that is neither set nor not"};
    out.push_back(octet == '\1');
  }
  return out;
}

void put_time(std::string& out, TimePoint time) {
  const auto ns = static_cast<std::uint64_t>(time.time_since_epoch() / std::chrono::nanoseconds(1));
  put_number(out, static_cast<std::uint32_t>(ns >> 32U));
  put_number(out, static_cast<std::uint32_t>(ns));
}

bool take_time(std::string_view& octets, TimePoint& time) {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (!take_number(octets, high) || !take_number(octets, low)) return false;
  const auto ns = (std::uint64_t{high} << 32U | low) & std::numeric_limits<std::int64_t>::max();
  time = TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(ns)));
  return true;
}

// Few wait at a time; of more than fit beside all states there may be, the rest is not told.
constexpr std::size_t kMostWaits = 1000;

void put_waits(std::string& out, const std::vector<TimePoint>& waits) {
  std::string body;
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < waits.size() && count < kMostWaits; ++i) {
    if (waits[i] == TimePoint()) continue;
    put_number(body, static_cast<std::uint32_t>(i));
    put_time(body, waits[i]);
    ++count;
  }
  put_number(out, count);
  out += body;
}

bool take_waits(std::string_view& octets, KernelView& view) {
  std::uint32_t count = 0;
  if (!take_number(octets, count) || count > kMostWaits) return false;
  if (count > 0) view.waits.resize(view.states.size());
  for (; count > 0; --count) {
    std::uint32_t i = 0;
    if (!take_number(octets, i) || i >= view.waits.size() || !take_time(octets, view.waits[i])) return false;
  }
  return true;
}

std::vector<std::string> take_lines(std::string_view body) {
  constexpr std::size_t kLongestLine = 1000;
  std::vector<std::string> out;
  while (!body.empty()) {
    const auto end = body.find('\n');
    std::string line(body.substr(0, std::min(end, kLongestLine)));
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    out.push_back(std::move(line));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
  }
  return out;
}

}  // namespace

std::string encode(const Message& message) {
  std::string out;
  out.reserve(9 + message.body.size());
  out += static_cast<char>(message.type);
  put_number(out, message.generation);
  put_number(out, message.serial);
  return out + message.body;
}

Outcome<Message> decode(std::string_view packet) {
  if (packet.size() > kLargestMessage) return Error{"message too long"};
  if (packet.empty()) return Error{"empty message"};
  const auto type = static_cast<std::uint8_t>(packet.front());
  if (type < static_cast<std::uint8_t>(MessageType::configuration) ||
      type > static_cast<std::uint8_t>(MessageType::beside)) {
    return Error{"message of unknown type " + std::to_string(type)};
  }
  packet.remove_prefix(1);
  Message out;
  out.type = static_cast<MessageType>(type);
  if (!take_number(packet, out.generation) || !take_number(packet, out.serial))
    return Error{"message cut short"};
  out.body = packet;
  return out;
}

std::string pack_want(const Want& want) {
  std::string out;
  put_time(out, want.said);
  put_number(out, static_cast<std::uint32_t>(want.wishes.size()));
  for (const auto wish : want.wishes) out += static_cast<char>(wish);
  return out;
}

Outcome<Want> unpack_want(std::string_view body, std::size_t expected) {
  std::uint32_t count = 0;
  Want out;
  if (!take_time(body, out.said) || !take_number(body, count) || count != expected ||
      body.size() != expected) {
    return Error{"wishes that are not for the " + std::to_string(expected) + " advertisements there are"};
  }
  for (const char octet : body) {
    const auto wish = static_cast<unsigned char>(octet);
    if (wish > static_cast<unsigned char>(Wish::linger)) return Error{"a wish that there is not"};
    out.wishes.push_back(static_cast<Wish>(wish));
  }
  return out;
}

std::string pack_circumstances(const Circumstances& circumstances) {
  std::string out(1, circumstances.suspended ? '\1' : '\0');
  put_number(out, static_cast<std::uint32_t>(circumstances.found.size()));
  put_flags(out, circumstances.found);
  put_flags(out, circumstances.drained);
  return out;
}

Outcome<Circumstances> unpack_circumstances(std::string_view body) {
  Circumstances out;
  auto suspended = take_flags(body.substr(0, 1));
  std::uint32_t count = 0;
  if (!body.empty()) body.remove_prefix(1);
  if (!suspended || suspended->empty() || !take_number(body, count) || count > body.size())
    return Error{"a configuration without its circumstances"};
  auto found = take_flags(body.substr(0, count));
  auto drained = take_flags(body.substr(count));
  if (!found || !drained) return Error{found ? drained.error() : found.error()};
  out.suspended = suspended->front();
  out.found = std::move(found).value();
  out.drained = std::move(drained).value();
  return out;
}

std::string pack_drained(const std::vector<bool>& drained) {
  std::string out;
  put_flags(out, drained);
  return out;
}

Outcome<std::vector<bool>> unpack_drained(std::string_view body, std::size_t expected) {
  if (body.size() != expected) return Error{"is not of as many services as there are"};
  return take_flags(body);
}

std::string pack_place(const SocketPlace& place) {
  return static_cast<char>(place.name) + place.where;
}

Outcome<SocketPlace> unpack_place(std::string_view body) {
  const auto name = body.empty() ? kSocketNames.size() : static_cast<unsigned char>(body.front());
  if (name >= kSocketNames.size()) return Error{"a socket of no name"};
  return SocketPlace{kSocketNames[name], std::string(body.substr(1))};
}

std::string pack_refusal(const Refusal& refusal) {
  std::string out(1, refusal.flags_alone ? '\1' : '\0');
  put_lines(out, refusal.lines, kLargestMessage / 2, " more errors");
  return out;
}

Refusal unpack_refusal(std::string_view body) {
  Refusal out;
  if (body.empty()) return out;
  out.flags_alone = body.front() == '\1';
  body.remove_prefix(1);
  out.lines = take_lines(body);
  return out;
}

std::string pack_view(const KernelView& view) {
  // 100,000 advertisements, with as many that wait as are told, leave this much and more.
  constexpr std::size_t kRoom = kLargestMessage / 8;
  std::string out;
  put_number(out, static_cast<std::uint32_t>(view.states.size()));
  for (const auto state : view.states) out += static_cast<char>(state);
  put_waits(out, view.waits);
  put_number(out, view.counts.netlink_errors);
  put_number(out, view.counts.lease_renewals);
  put_number(out, view.reloads_asked);
  put_number(out, view.reloads_done);
  put_lines(out, view.problems, kRoom, " more problems");
  return out;
}

Outcome<KernelView> unpack_view(std::string_view body) {
  KernelView out;
  std::uint32_t count = 0;
  if (!take_number(body, count) || body.size() < count) return Error{"a view cut short"};
  out.states.reserve(count);
  for (const char octet : body.substr(0, count)) {
    const auto state = static_cast<unsigned char>(octet);
    if (state > static_cast<unsigned char>(AdvertisementState::lingering)) return Error{"a state of no name"};
    out.states.push_back(static_cast<AdvertisementState>(state));
  }
  body.remove_prefix(count);
  if (!take_waits(body, out)) return Error{"waits that are not of what there is"};
  if (!take_number(body, out.counts.netlink_errors) || !take_number(body, out.counts.lease_renewals))
    return Error{"a view without its counts"};
  if (!take_number(body, out.reloads_asked) || !take_number(body, out.reloads_done))
    return Error{"a view cut short"};
  out.problems = take_lines(body);
  return out;
}

std::string pack_files(const std::vector<SourceFile>& files) {
  std::string out;
  for (const auto& file : files) {
    out += static_cast<char>(file.role);
    put_text(out, file.name);
    put_text(out, file.text);
  }
  return out;
}

Outcome<std::vector<SourceFile>> unpack_files(std::string_view bytes) {
  std::vector<SourceFile> out;
  while (!bytes.empty()) {
    SourceFile file;
    const auto role = static_cast<unsigned char>(bytes.front());
    if (role > static_cast<unsigned char>(SourceFile::Role::missing)) return Error{"a file of no known role"};
    file.role = static_cast<SourceFile::Role>(role);
    bytes.remove_prefix(1);
    if (!take_text(bytes, file.name) || !take_text(bytes, file.text)) return Error{"configuration cut short"};
    out.push_back(std::move(file));
  }
  return out;
}

}  // namespace anyprobe
