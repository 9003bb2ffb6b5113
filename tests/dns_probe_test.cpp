// The dns probe against a scripted name server: what passes and what does not.
#include <doctest/doctest.h>

#include "dns_server.hpp"
#include "probes/dns_names.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

std::string asking(const DnsServer& server, const std::string& more = R"("query": "www.example.org")") {
  return R"({"server": ")" + server.address() + R"(", )" + more + "}";
}

// One question answered alike every time.
Result ask(const std::function<void(DnsReply&)>& fill,
           const std::string& more = R"("query": "www.example.org")") {
  EventLoop loop;
  DnsServer server(loop, answers(fill));
  Asking asking_it(loop, asking(server, more));
  return asking_it.wait();
}

void good(DnsReply& reply) {
  reply.a("192.0.2.1");
}

DnsPacket question_of(const DnsRequest& request) {
  return {request.bytes.begin() + 12, request.bytes.end()};
}

}  // namespace

TEST_CASE("a good answer passes over every transport and family") {
  EventLoop loop;
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    for (const std::string transport : {"udp", "tcp", "both"}) {
      CAPTURE(ip);
      CAPTURE(transport);
      DnsServer server(loop, answers(good), ip);
      Asking it(loop, asking(server, R"("query": "www.example.org", "transport": ")" + transport + "\""));
      const auto result = it.wait();
      CHECK(result.verdict == Verdict::pass);
      CHECK(result.reason == "ok");
      CHECK(result.detail.starts_with(server.address() + (transport == "tcp" ? " tcp: " : " udp: ")));
      CHECK(server.requests().size() == (transport == "both" ? 2 : 1));
      CHECK(server.requests().front().tcp == (transport == "tcp"));
    }
  }
}

TEST_CASE("the question is the one configured") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  Asking plain(loop, asking(server));
  plain.wait();
  Asking authenticated(loop, asking(server, R"("query": ".", "record": "TYPE65", "authenticated": true)"));
  authenticated.wait();
  REQUIRE(server.requests().size() == 2);
  const DnsPacket www = {3,   'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p', 'l',
                         'e', 3,   'o', 'r', 'g', 0,   0,   1,   0,   1};
  CHECK(question_of(server.requests()[0]) == www);
  const DnsPacket flags_and_counts(server.requests()[0].bytes.begin() + 2,
                                   server.requests()[0].bytes.begin() + 12);
  CHECK(flags_and_counts == DnsPacket{0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(question_of(server.requests()[1]) == DnsPacket{0, 0, 65, 0, 1});
  CHECK(server.requests()[1].bytes[3] == 0x20);
}

TEST_CASE("each attempt has an id of its own, and an attempt can follow another") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  Asking it(loop, asking(server));
  for (int i = 0; i < 5; ++i) {
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
  bool same = true;
  for (const auto& request : server.requests()) {
    same = same && id_of(request.bytes) == id_of(server.requests()[0].bytes);
  }
  CHECK_FALSE(same);
}

TEST_CASE("without a query it asks for the SOA of the root, and demands recursion") {
  EventLoop loop;
  const DnsPacket soa = [] {
    DnsPacket out{0, 0};
    out.resize(22);
    return out;
  }();
  bool recursion = true;
  DnsServer server(loop, [&](DnsServer& self, const DnsRequest& request) {
    DnsReply reply(request);
    reply.answer(dns_type::kSoa, soa);
    if (!recursion) reply.no_recursion();
    self.send(request, reply);
  });
  Asking it(loop, R"({"server": ")" + server.address() + "\"}");
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(question_of(server.requests()[0]) == DnsPacket{0, 0, 6, 0, 1});
  recursion = false;
  it.again();
  CHECK(it.wait().reason == "no_recursion");
  Asking lenient(loop, asking(server, R"("recursion": false)"));
  CHECK(lenient.wait().verdict == Verdict::pass);
}

TEST_CASE("fresh puts another random label before the query each time") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  Asking it(loop, asking(server, R"("query": "example.org", "fresh": true)"));
  CHECK(it.wait().verdict == Verdict::pass);
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  const auto first = question_of(server.requests()[0]);
  const auto second = question_of(server.requests()[1]);
  CHECK(first.size() == 17 + 13 + 4);
  CHECK(first[0] == 16);
  CHECK(DnsPacket(first.begin() + 17, first.end()) == DnsPacket(second.begin() + 17, second.end()));
  CHECK(first != second);
}

TEST_CASE("response codes") {
  struct {
    unsigned rcode;
    const char* reason;
    const char* name;
  } const cases[] = {{1, "rcode", "FORMERR"},
                     {2, "servfail", "SERVFAIL"},
                     {3, "nxdomain", "NXDOMAIN"},
                     {4, "rcode", "NOTIMP"},
                     {5, "query_refused", "REFUSED"}};
  for (const auto& expected : cases) {
    for (const std::string transport : {"udp", "tcp"}) {
      CAPTURE(expected.name);
      CAPTURE(transport);
      const auto result = ask([&](DnsReply& reply) { reply.rcode(expected.rcode); },
                              R"("query": "www.example.org", "transport": ")" + transport + "\"");
      CHECK(result.verdict == Verdict::fail);
      CHECK(result.evidence == Evidence::soft);
      CHECK(result.reason == expected.reason);
      CHECK(result.detail.ends_with(transport + ": " + expected.name));
    }
  }
  CHECK(ask([](DnsReply& reply) { reply.rcode(3); }, R"("query": "nx.example.org", "rcode": "NXDOMAIN")")
            .verdict == Verdict::pass);
  CHECK(ask(good, R"("query": "nx.example.org", "rcode": "NXDOMAIN")").reason == "rcode");
}

TEST_CASE("an answer with nothing, with too little, or with another type in it") {
  CHECK(ask([](DnsReply&) {}).reason == "empty");
  CHECK(ask([](DnsReply& reply) { reply.cname("example.net"); }).reason == "empty");
  CHECK(ask([](DnsReply& reply) { reply.aaaa("2001:db8::1"); }).reason == "empty");
  const std::string two = R"("query": "www.example.org", "min_answers": 2)";
  CHECK(ask(good, two).reason == "too_few_answers");
  CHECK(ask([](DnsReply& reply) { reply.a("192.0.2.1").a("192.0.2.2"); }, two).verdict == Verdict::pass);
  CHECK(ask([](DnsReply&) {}, R"("query": "www.example.org", "min_answers": 0)").verdict == Verdict::pass);
}

TEST_CASE("an answer that was not expected") {
  const auto expecting = [](const std::string& value, const std::string& record = "A") {
    return R"("query": "www.example.org", "expect": )" + value + R"(, "record": ")" + record + "\"";
  };
  CHECK(ask(good, expecting(R"("192.0.2.1")")).verdict == Verdict::pass);
  CHECK(ask(good, expecting(R"("192.0.2.0/24")")).verdict == Verdict::pass);
  CHECK(ask(good, expecting(R"(["198.51.100.1", "192.0.2.1"])")).verdict == Verdict::pass);
  const auto wrong = ask(good, expecting(R"(["198.51.100.0/24", "192.0.2.9"])"));
  CHECK(wrong.reason == "wrong_answer");
  CHECK(wrong.detail.ends_with("none of 198.51.100.0/24, 192.0.2.9 among the answers (192.0.2.1)"));

  const auto text = [](DnsReply& reply) { reply.txt("v=spf1 -all"); };
  CHECK(ask(text, expecting(R"("v=spf1 -all")", "TXT")).verdict == Verdict::pass);
  CHECK(ask(text, expecting(R"("v=spf1 +all")", "TXT")).reason == "wrong_answer");

  const auto aliased = [](DnsReply& reply) { reply.cname("Node.example.net").a("192.0.2.1"); };
  CHECK(ask(aliased, expecting(R"("node.example.net")")).verdict == Verdict::pass);
  CHECK(ask(aliased, expecting(R"("other.example.net.")")).reason == "wrong_answer");
}

TEST_CASE("recursion and authentication are demanded of who is asked for them") {
  const std::string recursion = R"("query": "www.example.org", "recursion": true)";
  CHECK(ask([](DnsReply& reply) { reply.a("192.0.2.1").no_recursion(); }, recursion).reason ==
        "no_recursion");
  CHECK(ask([](DnsReply& reply) { reply.a("192.0.2.1").no_recursion(); }).verdict == Verdict::pass);
  const std::string authenticated = R"("query": "www.example.org", "authenticated": true)";
  CHECK(ask(good, authenticated).reason == "not_authenticated");
  CHECK(ask([](DnsReply& reply) { reply.a("192.0.2.1").authenticated(); }, authenticated).verdict ==
        Verdict::pass);
}

TEST_CASE("a truncated answer is asked for again over TCP") {
  EventLoop loop;
  const auto cut_over_udp = [](DnsServer& self, const DnsRequest& request) {
    DnsReply reply(request);
    self.send(request, request.tcp ? reply.a("192.0.2.1") : reply.truncated());
  };
  DnsServer complete(loop, cut_over_udp);
  Asking it(loop, asking(complete));
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(complete.requests().size() == 2);

  DnsServer without_tcp(loop, cut_over_udp, "127.0.0.1", DnsServer::Listens::udp_only);
  Asking refused(loop, asking(without_tcp));
  auto result = refused.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.reason == "truncated");
  CHECK(result.detail == without_tcp.address() + " udp, truncated, then tcp: connect: Connection refused");

  CHECK(ask([](DnsReply& reply) { reply.truncated(); }).reason == "truncated");

  // A header and the counts of what was to follow.
  DnsServer cut_short(loop, [](DnsServer& self, const DnsRequest& request) {
    DnsReply reply(request);
    self.send(request, request.tcp ? reply.a("192.0.2.1") : reply.truncated().counts(1, 7));
  });
  Asking from_counts(loop, asking(cut_short));
  CHECK(from_counts.wait().verdict == Verdict::pass);
}

TEST_CASE("several servers") {
  EventLoop loop;
  DnsServer up(loop, answers(good));
  DnsServer broken(loop, answers([](DnsReply& reply) { reply.rcode(2); }));
  DnsServer silent(loop, says_nothing());
  const auto of = [&](std::initializer_list<const DnsServer*> servers, int need) {
    std::string list;
    for (const auto* server : servers) list += (list.empty() ? "\"" : ", \"") + server->address() + "\"";
    return R"({"query": "www.example.org", "server": [)" + list + R"(], "need": )" + std::to_string(need) +
           "}";
  };
  Asking one(loop, of({&silent, &broken, &up}, 1));
  CHECK(one.wait().verdict == Verdict::pass);

  Asking all(loop, of({&silent, &broken, &up}, 0));
  auto result = all.wait();
  CHECK(result.reason == "servfail");
  CHECK(result.detail == broken.address() + " udp: SERVFAIL");

  Asking two(loop, of({&silent, &broken, &up}, 2));
  CHECK(two.wait_until([&] { return two.waiting_for().find("SERVFAIL") != std::string::npos; }));
  CHECK_FALSE(two.result());
  CHECK(two.waiting_for() ==
        "no answer from " + silent.address() + " over udp; " + broken.address() + " udp: SERVFAIL");
}

TEST_CASE("of both transports, both must pass") {
  EventLoop loop;
  DnsServer only_udp(loop, answers(good), "127.0.0.1", DnsServer::Listens::udp_only);
  Asking it(loop, asking(only_udp, R"("query": "www.example.org", "transport": "both")"));
  const auto result = it.wait();
  CHECK(result.reason == "refused");
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.detail == only_udp.address() + " tcp: connect: Connection refused");
}
