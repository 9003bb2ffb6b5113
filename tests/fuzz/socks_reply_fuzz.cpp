// Whatever a proxy sends, it is read in bounds, and what is shown of it is printable.
#include "probes/socks_message.hpp"

#include <cstdlib>
#include <type_traits>
#include <vector>

#include "probes/socks_question.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

bool printable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

// A message ends where it says, not sooner and not by what follows.
template <typename Read>
void read_stream(Read read, SocksOctets octets) {
  const auto all = read(octets);
  using State = typename std::remove_const_t<decltype(all)>::State;
  demand(all.state != State::malformed || (!all.why.empty() && printable(all.why)));
  if (all.state != State::whole) return;
  demand(all.length > 0 && all.length <= octets.size());
  demand(read(octets.first(all.length)).state == State::whole);
  demand(read(octets.first(all.length - 1)).state == State::partial);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const SocksOctets octets(data, size);
  read_stream([](SocksOctets o) { return read_socks5_method(o); }, octets);
  read_stream([](SocksOctets o) { return read_socks5_login(o); }, octets);
  read_stream([](SocksOctets o) { return read_socks5_reply(o); }, octets);
  read_stream([](SocksOctets o) { return read_socks4_reply(o); }, octets);
  if (size >= 2) demand(printable(socks5_reply_text(data[1])) && printable(socks4_reply_text(data[1])));

  const auto datagram = read_socks_datagram(octets);
  using State = SocksRead<SocksDatagram>::State;
  demand(datagram.state != State::malformed || (!datagram.why.empty() && printable(datagram.why)));
  if (datagram.state != State::whole) return 0;
  const auto& payload = datagram.value.payload;
  demand(datagram.length == size && payload.data() + payload.size() == data + size);
  // Said again, it reads the same.
  const auto again = socks_datagram(datagram.value.from, payload);
  const auto read = read_socks_datagram(again);
  demand(read.state == State::whole && read.value.from.to_string() == datagram.value.from.to_string());
  demand(std::vector(read.value.payload.begin(), read.value.payload.end()) ==
         std::vector(payload.begin(), payload.end()));
  constexpr std::uint8_t kRandom[SocksQuestion::kRandom] = {1, 2};
  (void)SocksQuestion(SocksQuestionKind::dns, kRandom).answered_by(payload);
  demand(!SocksQuestion(SocksQuestionKind::echo, kRandom).answered_by(payload) || payload.size() == 41);
  return 0;
}
