#include "watch_screen.hpp"

#include <algorithm>
#include <optional>

#include "status_table.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kStrip = 12;
constexpr std::size_t kLongestName = 15;
constexpr std::size_t kLeastColumns = 20;

enum class Colour : std::uint8_t { none, good, bad, odd, faint };

// Text of which each character takes a column, with its colours beside it.
class Line {
 public:
  Line(std::size_t columns, bool colour) : columns_(columns), colour_(colour) {}

  Line& add(std::string_view text, Colour colour = Colour::none) {
    const auto part = text.substr(0, std::min(text.size(), columns_ - used_));
    used_ += part.size();
    constexpr const char* kBegin[] = {"", "\x1b[32m", "\x1b[1;31m", "\x1b[33m", "\x1b[2m"};
    const bool shown = colour_ && colour != Colour::none && !part.empty();
    if (shown) out_ += kBegin[static_cast<std::size_t>(colour)];
    for (const char c : part) out_ += c < ' ' || c > '~' ? '?' : c;
    if (shown) out_ += "\x1b[0m";
    return *this;
  }
  Line& column(std::string_view text, std::size_t width, Colour colour = Colour::none) {
    const auto begin = used_;
    add(text.substr(0, width), colour);
    const auto taken = used_ - begin;
    return add(std::string(width - std::min(taken, width) + 1, ' '));
  }
  [[nodiscard]] std::string text() const { return out_; }

 private:
  const std::size_t columns_;
  const bool colour_;
  std::size_t used_ = 0;
  std::string out_;
};

struct Row {
  const ServiceStatus* service = nullptr;
  unsigned rank = 0;  // 0: not well
  std::size_t announced = 0;
  std::optional<WallTime> since;  // of the last that came to be announced
  std::optional<unsigned> others;
};

Row row_of(const ServiceStatus& service) {
  Row out{&service, 3, 0, {}, {}};
  const bool active = service.admin == AdminState::active;
  bool odd = false;
  for (const auto& each : service.advertise) {
    const bool announced = each.state == AdvertisementState::announced;
    out.announced += announced ? 1 : 0;
    if (announced && each.detail && each.detail->since)
      out.since = std::max(out.since.value_or(*each.detail->since), *each.detail->since);
    if (each.routing.others)
      out.others = std::min(out.others.value_or(*each.routing.others), *each.routing.others);
    const bool up = active && service.health == HealthState::up;
    odd = odd || announced != up || each.routing.confirmed == std::optional(false);
  }
  if (active && service.health == HealthState::down)
    out.rank = 0;
  else if (active && (service.health == HealthState::unknown || odd))
    out.rank = 1;
  else if (!active)
    out.rank = 2;
  return out;
}

void add_strip(const ServiceStatus& service, Line& line) {
  const auto count = service.history ? std::min(service.history->recent.size(), kStrip) : 0;
  line.add(std::string(kStrip - count, ' '));
  for (std::size_t i = count; i > 0; --i) {
    const auto verdict = service.history->recent[service.history->recent.size() - i].verdict;
    line.add(verdict == Verdict::pass   ? "."
             : verdict == Verdict::fail ? "x"
                                        : "?",
             verdict == Verdict::pass   ? Colour::good
             : verdict == Verdict::fail ? Colour::bad
                                        : Colour::odd);
  }
  line.add(" ");
}

void add_head(Line& line) {
  line.column("SERVICE", kLongestName)
      .column("STATE", 8)
      .column("FOR", 7)
      .column("LAST ANSWERS", kStrip)
      .column("ANNOUNCED", 11)
      .column("OTHERS", 6)
      .add("REASON");
}

void add_row(const Row& row, WallTime now, Line& line) {
  const auto& service = *row.service;
  const bool active = service.admin == AdminState::active;
  const auto colour = !active                               ? Colour::odd
                      : service.health == HealthState::up   ? Colour::good
                      : service.health == HealthState::down ? Colour::bad
                                                            : Colour::odd;
  line.column(service.name, kLongestName)
      .column(active ? to_string(service.health) : to_string(service.admin), 8, colour)
      .column(rough(now - service.since), 7);
  add_strip(service, line);
  const auto all = service.advertise.size();
  auto announced = std::to_string(row.announced);
  if (all > 1) announced += "/" + std::to_string(all);
  if (row.announced == 0) announced = "no";
  if (row.since) announced = (all > 1 ? announced + " " : "") + rough(now - *row.since);
  const bool wanted = active && service.health == HealthState::up;
  line.column(announced, 11, wanted == (row.announced == all) || all == 0 ? Colour::none : Colour::odd)
      .column(row.others ? std::to_string(*row.others) : "-", 6)
      .add(service.reason + (service.detail.empty() ? "" : ", " + service.detail));
}

}  // namespace

Screen watch_screen(const Survey& told, WallTime now, ScreenSize size, std::size_t first, bool colour) {
  size.columns = std::max(size.columns, kLeastColumns);
  std::vector<Row> rows;
  std::vector<std::string> problems;
  for (const auto& complaint : told.complaints) problems.push_back(complaint.line);
  for (const auto& instance : told.instances) {
    for (const auto& service : instance.services) rows.push_back(row_of(service));
    if (!knows(instance)) continue;  // a complaint says it
    for (const auto& problem : instance.problems) problems.push_back(instance.name + ": " + problem);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.rank < b.rank; });

  Screen out;
  const auto line = [&] { return Line(size.columns, colour); };
  const auto well = static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const Row& row) { return row.rank == 3; }));
  auto head = line();
  head.add(to_text(now).substr(11, 8) + "Z  " + std::to_string(rows.size()) +
           (rows.size() == 1 ? " service, " : " services, "));
  head.add(std::to_string(rows.size() - well) + " not well", well < rows.size() ? Colour::bad : Colour::good);
  head.add("  (q ends, arrows scroll)", Colour::faint);
  out.lines.push_back(head.text());
  // At least half of the screen is for the services.
  const auto room = std::max<std::size_t>(size.rows, 4);
  const auto shown = std::min(problems.size(), std::max<std::size_t>(room / 2, 2) - 2);
  for (std::size_t i = 0; i < shown; ++i)
    out.lines.push_back(line().add("! " + problems[i], Colour::odd).text());
  if (shown < problems.size())
    out.lines.back() =
        line()
            .add("! and " + std::to_string(problems.size() - shown + (shown > 0 ? 1 : 0)) + " problems more",
                 Colour::odd)
            .text();
  auto columns = line();
  add_head(columns);
  out.lines.push_back(columns.text());
  out.page = std::max<std::size_t>(room - std::min(out.lines.size(), room - 1), 1);
  out.first = std::min(first, rows.size() - std::min(rows.size(), out.page));
  for (std::size_t i = out.first; i < std::min(rows.size(), out.first + out.page); ++i) {
    auto one = line();
    add_row(rows[i], now, one);
    out.lines.push_back(one.text());
  }
  out.lines.resize(std::min(out.lines.size(), std::max<std::size_t>(size.rows, 1)));
  return out;
}

}  // namespace anyprobe
