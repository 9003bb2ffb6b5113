// What a prober that was taken over may send to the keeper, and what the keeper sends to a prober.
#include <cstdint>
#include <string>

#include "routing/frr_questions.hpp"
#include "routing/keeper_message.hpp"

namespace {

using namespace anyprobe;

void read_want(const std::string& body) {
  for (const std::size_t expected : {0U, 1U, 9U, 1000U}) (void)unpack_want(body, expected);
  constexpr std::size_t kHead = 12;
  if (body.size() < kHead) return;
  const auto want = unpack_want(body, body.size() - kHead);
  if (!want) return;
  if (want->said < TimePoint{} || want->wishes.size() != body.size() - kHead) __builtin_trap();
  const auto again = unpack_want(pack_want(*want), want->wishes.size());
  if (!again || again->said != want->said || again->wishes != want->wishes) __builtin_trap();
}

void read_circumstances(const std::string& body) {
  const auto circumstances = unpack_circumstances(body);
  if (circumstances && pack_circumstances(*circumstances) != body) __builtin_trap();
}

void read_drained(const std::string& body) {
  const auto drained = unpack_drained(body, body.size());
  if (drained && pack_drained(*drained) != body) __builtin_trap();
  if (unpack_drained(body, body.size() + 1)) __builtin_trap();
}

void read_place(const std::string& body) {
  const auto place = unpack_place(body);
  if (place && pack_place(*place) != body) __builtin_trap();
}

void read_refusal(const std::string& body) {
  const auto refusal = unpack_refusal(body);
  for (const auto& line : refusal.lines) {
    if (line.size() > 1000 || line.find('\n') != std::string::npos) __builtin_trap();
  }
  if (pack_refusal(refusal).size() > kLargestMessage) __builtin_trap();
}

void read_view(const std::string& body) {
  const auto view = unpack_view(body);
  if (view && pack_view(*view).compare(0, 4 + view->states.size(), body, 0, 4 + view->states.size()) != 0)
    __builtin_trap();
}

void read_questions(const std::string& body) {
  const auto inquiry = unpack_inquiry(body);
  if (inquiry && pack_inquiry(*inquiry) != body) __builtin_trap();
  const auto answer = unpack_answer(body);
  if (answer && pack_answer(*answer) != body.substr(0, pack_answer(*answer).size())) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string packet(reinterpret_cast<const char*>(data), size);
  if (const auto message = decode(packet)) {
    if (encode(*message) != packet) __builtin_trap();
    read_want(message->body);
    read_circumstances(message->body);
    read_drained(message->body);
    read_place(message->body);
    read_refusal(message->body);
    read_view(message->body);
    read_questions(message->body);
  }
  if (const auto files = unpack_files(packet); files && pack_files(*files) != packet) __builtin_trap();
  return 0;
}
