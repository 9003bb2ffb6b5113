// What the options of http and http_proxy may be.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/http_probe.hpp"
#include "probes/http_proxy_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

// The one error that these options have.
std::string error_of(const std::string& options, const ProbePlugin& plugin) {
  const auto lines = errors_of("{" + options + "}", plugin);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options, const ProbePlugin& plugin) {
  return errors_of("{" + options + "}", plugin).empty();
}

void has(const std::string& line, const std::string& part) {
  CAPTURE(line);
  CHECK(line.find(part) != std::string::npos);
}

const std::string kUrl = R"("url": "http://192.0.2.1/")";

}  // namespace

TEST_CASE("the probes by HTTP declare every option with its help") {
  for (const auto* plugin : {&kHttpProbe, &kHttpProxyProbe}) {
    for (const auto& option : plugin->options) {
      CAPTURE(option.name);
      CHECK_FALSE(std::string(option.help).empty());
      CHECK_FALSE(std::string(option.help).ends_with('.'));
    }
  }
  CHECK(kHttpProbe.program == nullptr);
  CHECK(std::string(kHttpProxyProbe.program) == "squid-probe");
}

TEST_CASE("options of an http probe that can be") {
  const auto good = [](const std::string& options) { return accepted(options, kHttpProbe); };
  CHECK(good(kUrl));
  CHECK(
      good(R"("url": ["http://www.example.org/", "https://[2001:db8::1]/"], "accept": ["200", "301-308"])"));
  CHECK(good(kUrl + R"(, "method": "HEAD", "expect_header": ["Via", "Server: x"], "headers": "A: b")"));
  CHECK(
      good(kUrl + R"(, "headers": ["Host: www.example.org", "A: b"], "expect": "x", "source": "192.0.2.7")"));
  CHECK(good(kUrl + R"(, "ca_file": "/etc/ssl/certs/ca-certificates.crt", "bind_device": "lo")"));
}

TEST_CASE("each error of an http probe names its option") {
  const auto wrong = [](const std::string& options) { return error_of(options, kHttpProbe); };
  has(wrong(""), R"(lacks "url")");
  has(wrong(R"("url": ["http://192.0.2.1/", "ftp://192.0.2.1/"])"), "url[1]: ");
  has(wrong(R"("url": ["http://192.0.2.1/", "http://192.0.2.1/"])"), "url[1]: ");
  has(wrong(kUrl + R"(, "accept": "ok")"), R"(accept: "ok" is no status)");
  has(wrong(kUrl + R"(, "method": "POST")"), R"(method: "POST" is none of GET, HEAD)");
  has(wrong(kUrl + R"(, "expect": "")"), "expect: is empty");
  has(wrong(kUrl + R"(, "expect": "x", "method": "HEAD")"), "expect: has no body to look into");
  has(wrong(kUrl + R"(, "expect_header": "a b")"), R"(expect_header: "a b" is no header field)");
  has(wrong(kUrl + R"(, "source": "::1")"), R"(source: "::1" is IPv6)");
  has(wrong(kUrl + R"(, "bind_device": "a/b")"), "bind_device: ");
  has(wrong(kUrl + R"(, "ca_file": "ca.pem")"), R"(ca_file: "ca.pem" is no absolute path)");
  has(wrong(kUrl + R"(, "ca_file": "/none/such")"), "cannot be read: No such file or directory");
  has(wrong(kUrl + R"(, "ca_file": "/etc")"), "cannot be read: Is a directory");
  has(wrong(kUrl + R"(, "ca_file": "/etc/hosts")"), "has no certificate in it");
  const auto secret = wrong(kUrl + R"(, "headers": ["A: b", "geheim"])");
  has(secret, "headers[1]: is no header field");
  CHECK(secret.find("geheim") == std::string::npos);
}

TEST_CASE("whom an http probe asks") {
  EventLoop loop;
  const auto asks = [&](const std::string& options, const ProbePlugin& plugin) {
    const Asking it(loop, "{" + options + "}", plugin);
    std::string out;
    for (const auto& endpoint : it.probe().endpoints()) {
      CHECK(endpoint.protocol == Protocol::tcp);
      out += endpoint.address.to_string() + " " + endpoint.device + ";";
    }
    return out;
  };
  CHECK(asks(R"("url": ["http://127.0.0.1/", "http://127.0.0.1/x", "https://[::1]/"])", kHttpProbe) ==
        "127.0.0.1:80 ;[::1]:443 ;");
  CHECK(
      asks(
          R"("url": ["http://a.example/", "https://b.example/"], "server": "127.0.0.1", "bind_device": "lo")",
          kHttpProbe) == "127.0.0.1:80 lo;127.0.0.1:443 lo;");
  CHECK(asks(R"("url": "https://a.example/", "server": "[::1]:8443")", kHttpProbe) == "[::1]:8443 ;");
  CHECK(asks("", kHttpProxyProbe) == "127.0.0.1:3128 ;");
  CHECK(asks(R"("server": "::1", "url": ["http://a.example/", "http://b.example/"])", kHttpProxyProbe) ==
        "[::1]:3128 ;");
}

TEST_CASE("options of an http_proxy probe") {
  const auto wrong = [](const std::string& options) { return error_of(options, kHttpProxyProbe); };
  CHECK(accepted(R"("accept": "200", "method": "GET", "source": "127.0.0.1")", kHttpProxyProbe));
  CHECK(accepted(R"("url": "https://mail.example.org:993/", "method": "CONNECT")", kHttpProxyProbe));
  CHECK(accepted(kUrl + R"(, "username": "me", "password": "geheim", "server": "proxy.example.org")",
                 kHttpProxyProbe));
  for (const char* given : {R"("expect": "x")", R"("headers": "A: b")", R"("username": "me")"}) {
    has(wrong(given), R"(goes with "url")");
  }
  has(wrong(R"("method": "CONNECT")"), R"(method: "CONNECT" goes with "url")");
  has(wrong(kUrl + R"(, "password": "geheim")"), R"(password: goes with "username")");
  has(wrong(kUrl + R"(, "username": "a:b")"), "username: has a colon");
  has(wrong(kUrl + R"(, "username": "")"), "username: is empty");
  has(wrong(kUrl + R"(, "method": "CONNECT", "expect": "x")"), "expect: has no body");
}
