// Whatever a SIP server sends, a datagram or a stream, it is read in bounds, and alike in pieces of any size.
#include <cstdlib>
#include <string>
#include <vector>

#include "probes/sip_message.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

void read(std::string_view message) {
  const auto response = parse_sip_response(message);
  if (!response) {
    demand(!response.error().empty());
    return;
  }
  demand(response->status >= 100 && response->status <= 699);
  demand(!response->call_id.empty() && !response->method.empty());
  demand(response->reason.find_first_of("\r\n") == std::string::npos);
  // A response is an answer to just the transaction that it names.
  SipTransaction transaction{response->branch, response->call_id, response->tag, response->sequence};
  demand(answers(*response, transaction) == (response->one_via && response->method == "OPTIONS"));
  transaction.call_id += 'x';
  demand(!answers(*response, transaction));
}

struct Taken {
  std::vector<std::string> messages;
  bool malformed = false;

  bool operator==(const Taken&) const = default;
};

Taken take_apart(std::string_view stream, std::size_t piece) {
  SipStream reader;
  Taken out;
  for (std::size_t size = piece; !out.malformed; size += piece) {
    const auto all = stream.substr(0, size);
    for (;;) {
      std::string_view message;
      const auto next = reader.next(all, message);
      out.malformed = next == SipStream::Next::malformed;
      if (next != SipStream::Next::message) break;
      demand(!message.empty() && message.data() >= all.data() &&
             message.data() + message.size() <= all.data() + all.size());
      out.messages.emplace_back(message);
    }
    if (size >= stream.size()) break;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read(text);
  const auto whole = take_apart(text, size + 1);
  for (const auto& message : whole.messages) read(message);
  demand(whole == take_apart(text, 1 + size / 3));
  if (size <= 256) demand(whole == take_apart(text, 1));
  return 0;
}
