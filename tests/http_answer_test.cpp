// What an HTTP answer is judged to be, fed by hand.
#include <doctest/doctest.h>

#include "probes/http_attempt.hpp"

using namespace anyprobe;

namespace {

using End = CurlOutcome::End;

void take(HttpAnswer& answer, std::initializer_list<const char*> lines) {
  for (const char* line : lines) CHECK(answer.take_header(std::string(line) + "\r\n"));
}

Result judged(const HttpExpectations& expected, std::initializer_list<const char*> lines,
              const std::string& body = "") {
  HttpAnswer answer(expected);
  take(answer, lines);
  answer.take_header("\r\n");
  if (!body.empty()) answer.take_body(body);
  return answer.judge();
}

CurlOutcome ended(End end, std::string words = "words") {
  CurlOutcome out;
  out.end = end;
  out.words = std::move(words);
  return out;
}

}  // namespace

TEST_CASE("a status is judged by what is accepted") {
  HttpExpectations expected;
  CHECK(judged(expected, {"HTTP/1.1 200 OK"}).verdict == Verdict::pass);
  CHECK(judged(expected, {"HTTP/2 299 "}).verdict == Verdict::pass);
  CHECK(judged(expected, {"HTTP/1.0 200"}).detail == "said 200");
  const auto moved = judged(expected, {"HTTP/1.1 301 Moved", "Location: /"});
  CHECK(moved.verdict == Verdict::fail);
  CHECK(moved.evidence == Evidence::soft);
  CHECK(moved.reason == "status");
  CHECK(moved.detail == "said 301, not 200-299");
  expected.accept = {{200, 299}, {404, 404}};
  CHECK(judged(expected, {"HTTP/1.1 404 Not Found"}).verdict == Verdict::pass);
  CHECK(judged(expected, {"HTTP/1.1 405 No"}).detail == "said 405, not 200-299, 404");
}

TEST_CASE("the last status line counts, with what follows it") {
  HttpExpectations expected;
  expected.headers = {{"Via", ""}};
  expected.from_origin = true;
  CHECK(judged(expected, {"HTTP/1.1 100 Continue", "HTTP/1.1 200 OK", "Via: 1.1 x"}).verdict ==
        Verdict::pass);
  const auto lost = judged(expected, {"HTTP/1.1 200 OK", "Via: 1.1 x", "HTTP/1.1 200 OK"});
  CHECK(lost.detail == R"(said 200 without the header "Via")");
  CHECK(judged(expected, {"HTTP/1.1 200 OK", "X-Squid-Error: A 0", "HTTP/1.1 200 OK", "via: 1"}).verdict ==
        Verdict::pass);
}

TEST_CASE("what is no status is none") {
  const HttpExpectations expected;
  for (const char* line : {"HTTP/", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2x0 OK",
                           "HTTP/1.1 -20 OK", "ICY 200 OK", ""}) {
    CAPTURE(line);
    const auto result = judged(expected, {line});
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == "malformed");
  }
}

TEST_CASE("headers that are expected") {
  HttpExpectations expected;
  expected.headers = {{"X-Node", "near"}, {"Server", ""}};
  CHECK(judged(expected, {"HTTP/1.1 200 OK", "x-node:  the near one", "SERVER: x"}).verdict == Verdict::pass);
  const auto other = judged(expected, {"HTTP/1.1 200 OK", "X-Node: far", "Server: x"});
  CHECK(other.reason == "wrong_answer");
  CHECK(other.detail == R"(said 200 without the header "X-Node: near")");
}

TEST_CASE("a proxy's own error never passes where the origin is asked for") {
  HttpExpectations expected;
  expected.accept = {{100, 599}};
  const std::initializer_list<const char*> denied{"HTTP/1.1 403 Forbidden",
                                                  "X-Squid-Error: ERR_ACCESS_DENIED 0"};
  CHECK(judged(expected, denied).verdict == Verdict::pass);
  expected.from_origin = true;
  const auto result = judged(expected, denied);
  CHECK(result.reason == "proxy_error");
  CHECK(result.detail == R"(said 403, an error of the proxy's own: "ERR_ACCESS_DENIED")");
  CHECK(judged(expected, {"HTTP/1.1 200 OK", "X-Squid-Error: \xff\"x"}).detail ==
        R"(said 200, an error of the proxy's own: "?\"x")");
}

TEST_CASE("what is expected is found wherever the pieces of the body end") {
  HttpExpectations expected;
  expected.expect = "ready";
  const std::string body = "not rearready";
  for (std::size_t cut = 0; cut <= body.size(); ++cut) {
    CAPTURE(cut);
    HttpAnswer answer(expected);
    take(answer, {"HTTP/1.1 200 OK", ""});
    const bool more = answer.take_body(body.substr(0, cut));
    CHECK(more == (cut < body.size()));
    CHECK((!more || !answer.take_body(body.substr(cut))));
    CHECK(answer.judge().verdict == Verdict::pass);
    CHECK(answer.judge().detail == R"(said 200 and "ready")");
  }
  const auto without = judged(expected, {"HTTP/1.1 200 OK"}, "not read");
  CHECK(without.reason == "wrong_answer");
  CHECK(without.detail == R"(said 200 without "ready" in 8 octets)");
}

TEST_CASE("no more than 64 KiB of the body count, and as much of the header is too much") {
  HttpExpectations expected;
  HttpAnswer any(expected);
  take(any, {"HTTP/1.1 200 OK", ""});
  CHECK(any.take_body(std::string(kHttpBodyMost - 1, 'x')));
  CHECK_FALSE(any.take_body("xx"));
  CHECK(any.so_far() == "200 and 65536 octets");
  CHECK(any.judge().verdict == Verdict::pass);
  expected.expect = "ready";
  HttpAnswer late(expected);
  take(late, {"HTTP/1.1 200 OK", ""});
  CHECK_FALSE(late.take_body(std::string(kHttpBodyMost - 4, 'x') + "ready"));
  CHECK(late.judge().verdict == Verdict::fail);
  HttpAnswer wordy(expected);
  take(wordy, {"HTTP/1.1 200 OK"});
  const auto line = "X-A: " + std::string(60000, 'x');
  CHECK(wordy.take_header(line));
  CHECK_FALSE(wordy.take_header(line));
  CHECK(wordy.judge().reason == "malformed");
}

TEST_CASE("what the exchange came to is judged too") {
  const HttpExpectations expected;
  HttpAnswer good(expected);
  take(good, {"HTTP/1.1 200 OK", ""});
  const auto judge = [&](const CurlOutcome& outcome, HttpMethod method = HttpMethod::get) {
    return judge_http(good, outcome, method);
  };
  CHECK(judge(ended(End::complete)).verdict == Verdict::pass);
  CHECK(judge(ended(End::enough)).verdict == Verdict::pass);
  CHECK(judge(ended(End::tls)).reason == "tls");
  CHECK(judge(ended(End::tls)).detail == "TLS: words");
  CHECK(judge(ended(End::malformed)).detail == "no HTTP: words");
  CHECK(judge(ended(End::closed)).detail == "closed after 200");
  CHECK(judge(ended(End::unable)).verdict == Verdict::local_error);
  CHECK(judge(ended(End::unable)).detail == "not asked (words)");
  CHECK(judge(ended(End::no_tunnel)).reason == "proxy_error");
  CHECK(judge(ended(End::no_tunnel), HttpMethod::connect).verdict == Verdict::pass);
  const auto failed = [&](const char* call, int error, bool local) {
    auto outcome = ended(End::failed);
    outcome.call = call;
    outcome.error = error;
    outcome.local = local;
    return judge(outcome);
  };
  CHECK(failed("connect", ECONNREFUSED, false).evidence == Evidence::conclusive);
  CHECK(failed("connect", ECONNREFUSED, false).detail == "refused");
  CHECK(failed("connect", ENETUNREACH, false).reason == "unreachable");
  CHECK(failed("connect", ENETUNREACH, true).verdict == Verdict::local_error);
  CHECK(failed("receive", ECONNRESET, false).reason == "reset");
  CHECK(failed("socket", EMFILE, true).detail == "not asked (socket: Too many open files)");
}
