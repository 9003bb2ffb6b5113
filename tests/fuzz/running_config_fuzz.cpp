// What a daemon of FRR may show of its configuration and of its interfaces, or whatever has taken its place.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/doctor_frr.hpp"
#include "routing/ospf_details.hpp"
#include "routing/route_filter.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

// The doctor goes on with what was read: all checks, and the lines that mend.
void examine_all(const RunningConfig& config) {
  FrrFacts facts;
  for (const auto* text : {"192.0.2.1/32", "2001:db8:ffff:a000:fdc0::3b5/128", "203.0.113.0/24"})
    facts.patients.push_back({"one", {{Prefix::parse(text).value()}}, {}});
  auto route = facts.patients[0].advertise[0];
  route.kind = Advertisement::Kind::route;
  facts.patients[0].advertise.push_back(route);
  for (auto* ospf : {&facts.four, &facts.six}) {
    ospf->there = true;
    ospf->config = config;
  }
  facts.zebra = config;
  Report report;
  examine(frr_checks(), facts, report);
  for (const auto& one : report.found) {
    for (const auto& line : one.ailment.mend) demand(line.find('\n') == std::string::npos);
  }
  demand(!report_text(report).empty() && !report_json(report).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto service = Prefix::parse("192.0.2.1/32").value();
  switch (data[0] % 4) {
    case 1:
      static_cast<void>(read_ospf_ports(text));
      break;
    case 2:
      static_cast<void>(read_ospf6_ports(text));
      break;
    case 3: {
      const auto middle = text.find('\0');
      if (middle == std::string_view::npos) break;
      const auto found = find_equal_paths(text.substr(0, middle), text.substr(middle + 1), service);
      for (std::size_t i = 0; found && i < found->size(); ++i) demand((*found)[i].prefix == service);
      break;
    }
    default:
      examine_all(parse_running_config(text));
  }
  return 0;
}
