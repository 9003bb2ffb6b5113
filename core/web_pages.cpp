#include "web_pages.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "page_files.hpp"

namespace anyprobe {
namespace {

constexpr const char* kEvents = "/events";
constexpr Duration kLook = std::chrono::milliseconds(250);
constexpr Duration kPiece = std::chrono::milliseconds(50);
// Who hears nothing for longer takes us for gone; page.js knows it.
constexpr Duration kAlive = std::chrono::seconds(10);
// To look takes a tenth of the time at most.
constexpr int kRest = 9;

std::string own_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

WebPages::WebPages(EventLoop& loop, WebServer& server, Source source)
    : server_(server),
      source_(std::move(source)),
      feed_(own_name()),
      round_(loop, source_.status, [this] { taken(); }),
      timer_(loop, [this] { tell(); }) {
  for (const auto& file : page_files()) {
    server_.answer(std::string(file.path), [&file] {
      return WebReply{.type = std::string(file.type), .body = std::string(file.body)};
    });
  }
  server_.answer("/status.json",
                 [this] { return WebReply{.type = "application/json", .body = source_.json()}; });
  server_.stream(kEvents, [this] { return begin(); });
  server_.wait_for("/status.json", source_.is_settled);
  server_.wait_for(kEvents, [this] { return may_begin(); });
}

bool WebPages::may_begin() {
  waits_ = !source_.is_settled();
  if (waits_) return false;
  begins_ = true;
  round_.begin();
  return !begins_;
}

void WebPages::go_on() {
  server_.release("/status.json");
  if (waits_ && may_begin()) server_.release(kEvents);
}

std::string WebPages::begin() {
  auto all = server_sent_event("all", feed_.begin(round_.take(), wall_now()));
  if (!timer_.active()) timer_.start(kLook);
  return all;
}

void WebPages::tell() {
  if (server_.watchers(kEvents) == 0) {
    feed_.forget();
    round_.forget();
    return;
  }
  if (Clock::now() < look_again_) return next_piece();
  looks_ = true;
  round_.begin();
}

// Who begins takes what was taken for him: what others are told of is another round's.
void WebPages::taken() {
  if (std::exchange(begins_, false)) {
    if (looks_ || !timer_.active()) timer_.start(kLook);
    return server_.release(kEvents);
  }
  if (!std::exchange(looks_, false)) return round_.forget();
  const auto since = Clock::now();
  feed_.look(round_.take(), wall_now());
  const auto now = Clock::now();
  look_again_ = now + std::max<Duration>(kLook, kRest * (now - since + round_.worked()));
  next_piece();
}

void WebPages::next_piece() {
  const auto now = Clock::now();
  const auto piece = feed_.next();
  if (!piece.empty()) {
    server_.send(kEvents, server_sent_event("change", piece));
    told_ = now;
  } else if (now - told_ >= kAlive) {
    server_.send(kEvents, server_sent_event("alive", "{\"now\":\"" + to_text(wall_now()) + "\"}"));
    told_ = now;
  }
  piece.empty() ? timer_.start_at(look_again_) : timer_.start(kPiece);
}

}  // namespace anyprobe
