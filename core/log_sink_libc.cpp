#include <sys/time.h>
#include <syslog.h>

#include <cstdio>
#include <ctime>

#include "log.hpp"

namespace anyprobe {
namespace {

class StderrSink : public LogSink {
 public:
  explicit StderrSink(const LogOptions& options) : json_(options.json), program_(options.program) {}

  void write(LogLevel level, const std::string& line) override {
    if (json_) {
      std::fprintf(stderr, "%s\n", line.c_str());
      return;
    }
    timeval now{};
    gettimeofday(&now, nullptr);
    tm local{};
    localtime_r(&now.tv_sec, &local);
    char date[32];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
    std::fprintf(stderr, "%s.%03ld %s %s: %s\n", date, static_cast<long>(now.tv_usec / 1000),
                 program_.c_str(), kLogLevels[static_cast<int>(level)], line.c_str());
  }

 private:
  bool json_;
  std::string program_;
};

class SyslogSink : public LogSink {
 public:
  explicit SyslogSink(const LogOptions& options) : program_(options.program) {
    openlog(program_.c_str(), LOG_PID | LOG_NDELAY, LOG_DAEMON);
  }
  ~SyslogSink() override { closelog(); }

  void write(LogLevel level, const std::string& line) override {
    constexpr int kPriority[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_DEBUG};
    syslog(kPriority[static_cast<int>(level)], "%s", line.c_str());
  }

 private:
  std::string program_;  // openlog keeps the pointer
};

}  // namespace

std::unique_ptr<LogSink> make_log_sink(const LogOptions& options) {
  if (options.syslog) return std::make_unique<SyslogSink>(options);
  return std::make_unique<StderrSink>(options);
}

}  // namespace anyprobe
