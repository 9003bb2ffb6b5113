// Whatever a server or a proxy sends, it is taken and judged in bounds, and what is shown of it is printable.
// What users write about HTTP is read on the same octets.
#include <algorithm>
#include <cstdlib>

#include "probes/http_attempt.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// The first octet says how long the pieces of the body are; the header ends with an empty line.
void feed(HttpAnswer& answer, std::string_view octets) {
  if (octets.empty()) return;
  const auto length = static_cast<std::size_t>(static_cast<unsigned char>(octets.front())) + 1;
  octets.remove_prefix(1);
  while (!octets.empty()) {
    const auto line = octets.substr(0, octets.find('\n'));
    octets.remove_prefix(std::min(octets.size(), line.size() + 1));
    if (line.empty()) break;
    if (!answer.take_header(line)) return;
  }
  while (!octets.empty()) {
    const auto piece = octets.substr(0, length);
    octets.remove_prefix(piece.size());
    if (!answer.take_body(piece)) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  for (const bool from_origin : {false, true}) {
    HttpExpectations expected;
    expected.accept = {{200, 299}, {404, 404}};
    expected.expect = from_origin ? "ready" : "";
    expected.headers = {{"Via", ""}, {"Server", "x"}};
    expected.from_origin = from_origin;
    HttpAnswer answer(expected);
    feed(answer, octets);
    demand(printable(answer.so_far()) && answer.status() <= 999);
    const auto result = answer.judge();
    demand(!result.reason.empty() && printable(result.detail));
    const bool status = (answer.status() >= 200 && answer.status() <= 299) || answer.status() == 404;
    demand(result.verdict != Verdict::pass || status);
    // It is found where the pieces are, if it is there.
    if (from_origin && result.verdict == Verdict::pass)
      demand(octets.find("ready") != std::string_view::npos);
    for (const auto end :
         {CurlOutcome::End::complete, CurlOutcome::End::no_tunnel, CurlOutcome::End::closed}) {
      CurlOutcome outcome;
      outcome.end = end;
      demand(printable(judge_http(answer, outcome, HttpMethod::get).detail));
    }
  }
  const auto range = StatusRange::parse(octets);
  demand(!range || (range->first >= 100 && range->first <= range->last && range->last <= 999));
  const auto field = parse_header_field(octets);
  demand(!field || (!field->name.empty() && !field->value.empty()));
  demand(!field || field->value.find_first_of("\r\n") == std::string::npos);
  return 0;
}
