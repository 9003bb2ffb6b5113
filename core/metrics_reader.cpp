#include "metrics_reader.hpp"

#include "config.hpp"
#include "config_reader.hpp"
#include "metrics.hpp"
#include "web_server.hpp"

namespace anyprobe {

std::optional<WebAddress> read_metrics(const ConfigReader& metrics) {
  if (!metrics.expect_object()) return std::nullopt;
  const Options options(metrics, metrics_options());
  if (options.failed() || !options.given("listen")) return std::nullopt;
  const auto listen = metrics.at("listen");
  const auto where = WebAddress::parse(options.text("listen"));
  if (!where)
    listen.error(where.error());
  else if (!WebServer::is_there())
    listen.error("cannot be had: this was built without libmicrohttpd");
  else if (!can_make_metrics())
    listen.error("cannot be had: this was built without prometheus-cpp");
  else
    return *where;
  return std::nullopt;
}

}  // namespace anyprobe
