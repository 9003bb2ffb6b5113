#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>

#include "log.hpp"

namespace anyprobe {
namespace {

class SpdlogSink : public LogSink {
 public:
  explicit SpdlogSink(const LogOptions& options) : logger_(options.program) {
    if (options.syslog) {
      logger_.sinks().push_back(std::make_shared<spdlog::sinks::syslog_sink_st>(
          options.program, LOG_PID | LOG_NDELAY, LOG_DAEMON, false));
    } else {
      auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
      sink->set_pattern(options.json ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %n %^%l%$: %v");
      logger_.sinks().push_back(std::move(sink));
    }
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
    logger_.set_error_handler([](const std::string&) {});
  }

  void write(LogLevel level, const std::string& line) override {
    constexpr spdlog::level::level_enum kLevel[] = {spdlog::level::err, spdlog::level::warn,
                                                    spdlog::level::info, spdlog::level::debug};
    logger_.log(kLevel[static_cast<int>(level)], spdlog::string_view_t(line));
  }

 private:
  spdlog::logger logger_;
};

}  // namespace

std::unique_ptr<LogSink> make_log_sink(const LogOptions& options) {
  return std::make_unique<SpdlogSink>(options);
}

}  // namespace anyprobe
