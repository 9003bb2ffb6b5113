#include "status_watch.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "control_message.hpp"
#include "event_loop.hpp"
#include "exit_codes.hpp"
#include "status_command.hpp"
#include "survey.hpp"
#include "watch_screen.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";  // the alternate screen, without a cursor
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

// The terminal as a screen of ours, and as it was once this is gone.
class Terminal {
 public:
  Terminal() { enter(); }
  ~Terminal() { leave(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void enter() {
    has_keys_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_keys_) {
      auto mine = before_;
      mine.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      mine.c_cc[VMIN] = 0;
      mine.c_cc[VTIME] = 0;
      tcsetattr(STDIN_FILENO, TCSANOW, &mine);
    }
    print(kEnter);
  }
  void leave() {
    print(kLeave);
    if (has_keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  [[nodiscard]] bool has_keys() const { return has_keys_; }

  [[nodiscard]] static ScreenSize size() {
    winsize window{};
    ScreenSize out;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0) return out;
    if (window.ws_row > 0) out.rows = window.ws_row;
    if (window.ws_col > 0) out.columns = window.ws_col;
    return out;
  }

 private:
  bool has_keys_ = false;
  termios before_{};
};

class Watch {
 public:
  explicit Watch(const CommandLine& line)
      : line_(line),
        live_(loop_, line.run_dir, kDetailArgument, [this] { heard(); }),
        keys_(loop_, [this](int) { read(); }),
        tick_(loop_, [this] { look(); }),
        pulse_(loop_, [this] { pulse(); }),
        int_(loop_, SIGINT, [this] { loop_.stop(); }),
        term_(loop_, SIGTERM, [this] { loop_.stop(); }),
        hup_(loop_, SIGHUP, [this] { loop_.stop(); }),
        resized_(loop_, SIGWINCH, [this] { draw(); }),
        stop_(loop_, SIGTSTP, [this] { suspend(); }) {}

  int run() {
    if (terminal_.has_keys()) keys_.start(STDIN_FILENO, Io::kRead);
    look();
    loop_.run();
    return kDone;
  }

 private:
  void look() {
    tick_.start(*line_.watch);
    live_.ask();
    if (!pulse_.active()) pulse_.start(kPulse);
    heard();
  }

  // Not before all have had a moment for their first answer: nothing would be there to be seen.
  void heard() {
    ready_ = ready_ || !live_.owed();
    if (ready_) refresh();
  }

  // How long somebody has been silent is told anew.
  void pulse() {
    ready_ = true;
    if (live_.owed()) pulse_.start(kPulse);
    refresh();
  }

  void refresh() {
    told_ = live_.told();
    choose(line_.names, told_);
    draw();
  }

  void draw() {
    if (!ready_) return;
    const auto screen = watch_screen(told_, wall_now(), Terminal::size(), first_, may_colour());
    first_ = screen.first;
    page_ = screen.page;
    std::string out = "\x1b[H";
    for (std::size_t i = 0; i < screen.lines.size(); ++i)
      out += (i == 0 ? "" : "\r\n") + screen.lines[i] + "\x1b[K";
    if (!print(out + "\x1b[J")) loop_.stop();
  }

  void read() {
    char octets[64];
    const auto got = ::read(STDIN_FILENO, octets, sizeof octets);
    if (got <= 0) return loop_.stop();  // the terminal is gone
    const std::string_view typed(octets, static_cast<std::size_t>(got));
    if (typed == "q" || typed == "Q" || typed == "\x04") return loop_.stop();
    const auto back = [&](std::size_t by) { first_ -= std::min(first_, by); };
    if (typed == "\x1b[A" || typed == "\x1bOA" || typed == "k") back(1);
    if (typed == "\x1b[B" || typed == "\x1bOB" || typed == "j") ++first_;
    if (typed == "\x1b[5~" || typed == "b") back(page_);
    if (typed == "\x1b[6~" || typed == " ") first_ += page_;
    if (typed == "\x1b[H" || typed == "\x1b[1~" || typed == "g") first_ = 0;
    if (typed == "\x1b[F" || typed == "\x1b[4~" || typed == "G") first_ = kEnd;
    draw();
  }

  void suspend() {
    terminal_.leave();
    raise(SIGSTOP);
    terminal_.enter();
    draw();
  }

  static constexpr std::size_t kEnd = 1'000'000'000;
  static constexpr std::chrono::seconds kPulse{1};
  const CommandLine& line_;
  Survey told_;
  std::size_t first_ = 0;
  std::size_t page_ = 1;
  bool ready_ = false;
  EventLoop loop_;
  LiveSurvey live_;
  Terminal terminal_;
  Io keys_;
  Timer tick_;
  Timer pulse_;
  Signal int_;
  Signal term_;
  Signal hup_;
  Signal resized_;
  Signal stop_;
};

// Each time once all have answered, or with what is known when it is time to ask again.
class Printing {
 public:
  explicit Printing(const CommandLine& line)
      : line_(line),
        live_(loop_, line.run_dir, line.detail ? kDetailArgument : nullptr, [this] { heard(); }),
        tick_(loop_, [this] { look(); }),
        int_(loop_, SIGINT, [this] { loop_.stop(); }),
        term_(loop_, SIGTERM, [this] { loop_.stop(); }) {}

  int run() {
    tick_.start(Duration());
    loop_.run();
    return code_;
  }

 private:
  void look() {
    if (waits_) print_all();
    tick_.start(*line_.watch);
    live_.ask();
    waits_ = true;
    heard();
  }

  void heard() {
    if (waits_ && !live_.owed()) print_all();
  }

  void print_all() {
    waits_ = false;
    auto told = live_.told();
    choose(line_.names, told);
    tell_complaints(line_, told);
    if (print(to_text(wall_now()) + "\n" + table_of(told, false) + "\n")) return;
    code_ = kSystem;
    loop_.stop();
  }

  const CommandLine& line_;
  int code_ = kDone;
  bool waits_ = false;  // what was asked last is not printed yet
  EventLoop loop_;
  LiveSurvey live_;
  Timer tick_;
  Signal int_;
  Signal term_;
};

}  // namespace

bool may_colour() {
  const char* none = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(STDOUT_FILENO) != 0 && (none == nullptr || *none == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

int watch_status(const CommandLine& line) {
  const char* terminal = std::getenv("TERM");
  const bool draws =
      isatty(STDOUT_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
  return draws ? Watch(line).run() : Printing(line).run();
}

}  // namespace anyprobe
