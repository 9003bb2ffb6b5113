// The token of a service's drains, in the configuration.
#include <doctest/doctest.h>

#include "core/advertise_reader.hpp"
#include "loaded_config.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

LoadedConfig read_services(const std::string& services, const std::string& more = "") {
  return loaded_from({{"anyprobe.json", "{" + more + R"("services": [)" + services + "]}"}});
}

std::string named(const std::string& name, const std::string& address, const std::string& more) {
  return R"({"name": ")" + name + R"(", "probe": {"type": "dns"}, "advertise": [{"address": ")" + address +
         R"("}])" + more + "}";
}

std::string with_token(const std::string& token) {
  return named("a", "192.0.2.1", R"(, "drain_token": ")" + token + R"(")");
}

std::string error_of(const std::string& services) {
  const auto read = read_services(services);
  REQUIRE(read.errors.size() == 1);
  return read.errors.front();
}

}  // namespace

TEST_CASE("drain token: it is told apart from what clients are served by") {
  const auto read = read_services(with_token("2001:db8::99") + "," + named("b", "192.0.2.2", ""));
  REQUIRE(read.errors == std::vector<std::string>());
  const auto& service = read.config.services[0];
  REQUIRE(service.token() != nullptr);
  CHECK(service.token()->to_string() == "2001:db8::99/128 on lo");
  REQUIRE(service.served().size() == 1);
  CHECK(service.served()[0].to_string() == "192.0.2.1/32 on lo");
  CHECK(service.advertise.size() == 2);
  CHECK(read.config.services[1].token() == nullptr);
  CHECK(read.config.services[1].served().size() == 1);
  const auto shown = describe(read.config)["services"][0];
  CHECK(shown["drain_token"] == "2001:db8::99/128");
  CHECK(shown["advertise"].size() == 1);
}

TEST_CASE("drain token: wrong ones are told") {
  CHECK(error_of(with_token("192.0.2.0/24")) ==
        R"(anyprobe.json: services[0].drain_token: 192.0.2.0/24 is no single address (/32 or /128))");
  CHECK(
      error_of(with_token("127.0.0.1")).ends_with(R"(drain_token: "127.0.0.1" cannot be a service address)"));
  CHECK(error_of(with_token("192.0.2.1")).find("overlaps") != std::string::npos);
  CHECK(error_of(with_token("192.0.2.99") + "," + named("b", "192.0.2.2", R"(, "drain_token": "192.0.2.99")"))
            .ends_with(R"(services[1].drain_token: 192.0.2.99/32 overlaps 192.0.2.99/32 of service "a")"));
  CHECK(error_of(with_token("lo")).find("drain_token") != std::string::npos);
}

TEST_CASE("linger: without a number it lasts until it is shown to be over, with one it lasts so long") {
  auto read = read_services(named("a", "192.0.2.1", ""));
  CHECK(read.config.services.at(0).lingers_until_shown);
  CHECK(read.config.services[0].linger == 10s);
  CHECK_FALSE(describe(read.config)["services"][0].contains("linger"));
  CHECK(read.config.lsa_flooding == 6s);
  read = read_services(named("a", "192.0.2.1", R"(, "linger": "3s")"), R"("lsa_flooding": "2s", )");
  CHECK_FALSE(read.config.services.at(0).lingers_until_shown);
  CHECK(read.config.services[0].linger == 3s);
  CHECK(describe(read.config)["services"][0]["linger"] == "3s");
  CHECK(read.config.lsa_flooding == 2s);
}
