#include "doctor.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "exit_codes.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kWidth = 100;

// Lines as long as they may be, each behind `indent`.
std::string wrapped(std::string_view text, const std::string& indent) {
  std::string out;
  std::string line = indent;
  while (!text.empty()) {
    const auto blank = text.find(' ');
    const auto word = text.substr(0, blank);
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent;
    }
    line += (line.size() > indent.size() ? " " : "") + std::string(word);
  }
  return out + line + "\n";
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

std::string_view to_string(Gravity gravity) {
  return gravity == Gravity::blocking ? "blocking" : gravity == Gravity::warning ? "warning" : "remark";
}

void sort_by_gravity(Report& report) {
  std::stable_sort(report.found.begin(), report.found.end(),
                   [](const auto& a, const auto& b) { return a.gravity() > b.gravity(); });
}

std::string report_text(const Report& report) {
  std::string out;
  std::size_t counts[3] = {};
  for (const auto& one : report.found) {
    ++counts[static_cast<std::size_t>(one.gravity())];
    out += std::string(to_string(one.gravity())) + ": " + one.check.id + "\n";
    out += wrapped(one.ailment.what, "  ") + wrapped(std::string("why: ") + one.check.why, "  ");
    // Not wrapped: it is to be copied.
    for (const auto& line : one.ailment.mend) out += "  $ " + line + "\n";
    out += "\n";
  }
  for (const auto& line : report.unseen) out += wrapped("not looked at: " + line, "");
  if (!report.unseen.empty()) out += "\n";
  if (report.found.empty())
    return out + "nothing is found that keeps anyprobe from working" +
           (report.unseen.empty() ? "\n" : ", in what was looked at\n");
  return out + std::to_string(counts[2]) + " blocking, " + counted(counts[1], "warning", "warnings") + ", " +
         counted(counts[0], "remark", "remarks") + "\n";
}

std::string report_json(const Report& report) {
  nlohmann::ordered_json out = {{"code", report_code(report)},
                                {"findings", nlohmann::ordered_json::array()},
                                {"not_looked_at", report.unseen}};
  for (const auto& one : report.found) {
    out["findings"].push_back({{"id", one.check.id},
                               {"gravity", to_string(one.gravity())},
                               {"title", one.check.title},
                               {"what", one.ailment.what},
                               {"why", one.check.why},
                               {"mend", one.ailment.mend}});
  }
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

int report_code(const Report& report) {
  auto worst = Gravity::remark;
  for (const auto& one : report.found) worst = std::max(worst, one.gravity());
  return worst == Gravity::blocking ? kCritical : worst == Gravity::warning ? kWarning : kDone;
}

std::string shell_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("@%+=:,./_-").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace anyprobe
