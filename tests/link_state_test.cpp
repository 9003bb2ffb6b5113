#include "routing/link_state.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <span>
#include <sstream>
#include <string>

#include "routing/frr_questions.hpp"

using namespace anyprobe;
using Kind = Lsa::Kind;

namespace {

const auto kPrefix4 = Prefix::parse("192.0.2.1/32").value();
const auto kPrefix6 = Prefix::parse("2001:db8:ffff:a000:fdc0::3b5/128").value();
const std::set<Prefix> kBoth{kPrefix4, kPrefix6};

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}
const auto kNear = ip("198.51.100.2");
const auto kRouter = ip("198.51.100.1");
const auto kFar = ip("198.51.100.6");

// What FRR 8.4.4 answered on the near node; the first octet is the question.
std::string answer(const std::string& name) {
  std::ifstream in(std::string(ANYPROBE_TEST_FRR_ANSWERS) + "/" + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  REQUIRE_MESSAGE(out.str().size() > 1, name);
  return out.str().substr(1);
}

LinkState prefix(const std::string& name) {
  auto read = read_ospf_prefix(answer(name), kBoth);
  REQUIRE_MESSAGE(read, read.error());
  return std::move(read).value();
}
LinkState state(const std::string& name) {
  auto read = read_ospf_state(answer(name), kBoth);
  REQUIRE_MESSAGE(read, read.error());
  return std::move(read).value();
}
LinkState six(const std::string& name) {
  auto read = read_ospf6_state(answer(name), kBoth);
  REQUIRE_MESSAGE(read, read.error());
  return std::move(read).value();
}

// Without who they are.
Finding counted(const Prefix& prefix, std::span<const Lsa> lsas, const LinkState& state) {
  auto out = finding_of(prefix, lsas, state);
  CHECK((out.routers.empty() || out.routers.size() == out.others + (out.ours ? 1 : 0)));
  out.routers.clear();
  return out;
}

Finding found4(const std::string& of_prefix, const std::string& of_state) {
  auto lsas = prefix(of_prefix).lsas;
  const auto all = state(of_state);
  lsas.insert(lsas.end(), all.lsas.begin(), all.lsas.end());
  return counted(kPrefix4, lsas, all);
}
Finding found6(const std::string& name) {
  const auto all = six(name);
  return counted(kPrefix6, all.lsas, all);
}

std::string with(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("link state: who announces an IPv4 prefix") {
  CHECK(found4("prefix_both", "state_both") == Finding{true, 1});
  CHECK(found4("prefix_none", "state_both") == Finding{false, 0});
  // Ours is there at an age of 3600, and does not count.
  CHECK(found4("prefix_withdrawn", "state_both") == Finding{false, 1});
  // The far node's LSA has a normal age, but nobody can reach it.
  CHECK(prefix("prefix_withdrawn").lsas.size() == 1);
  CHECK(found4("prefix_withdrawn", "state_dead") == Finding{false, 0});
}

TEST_CASE("link state: who announces an IPv6 prefix") {
  CHECK(found6("six_both") == Finding{true, 1});
  CHECK(found6("six_withdrawn") == Finding{false, 1});
  CHECK(found6("six_dead") == Finding{false, 0});
}

TEST_CASE("link state: what is inside OSPF is a stub link of ours and a summary of the others") {
  CHECK(prefix("prefix_old_page").lsas.size() == 2);
  CHECK(found4("prefix_old_page", "state_old_page") == Finding{true, 1});
  CHECK(found4("prefix_none", "state_old_page") == Finding{true, 0});
}

TEST_CASE("link state: into a stubby area it is announced by type 7") {
  CHECK(found4("prefix_nssa", "state_nssa") == Finding{true, 1});
  CHECK(found6("six_nssa") == Finding{true, 1});
  CHECK(found4("prefix_nssa_withdrawn", "state_nssa") == Finding{false, 1});
  CHECK(found6("six_nssa_withdrawn") == Finding{false, 1});
}

TEST_CASE("link state: an external LSA that no area takes is announced to nobody") {
  CHECK(found4("prefix_stub", "state_stub") == Finding{false, 0, 0, true});
  CHECK(found6("six_stub") == Finding{false, 0, 0, true});
  // Of several areas one takes it.
  const std::string stub = R"("areaIsStub":true)";
  auto normal = read_ospf6_state(with(answer("six_stub"), stub, R"("areaIsStub":false)"), kBoth);
  REQUIRE(normal);
  CHECK(counted(kPrefix6, normal->lsas, *normal) == Finding{true, 0});
  CHECK(state("state_both").floods_external);
  CHECK(state("state_old_page").floods_external);
  CHECK_FALSE(state("state_nssa").floods_external);
  CHECK_FALSE(six("six_nssa").floods_external);
  // What is said of another router is nothing of ours.
  CHECK_FALSE(read_ospf_state(with(answer("state_stub"), "*|-|-|-|-|-|-|-", "*|-|-|-|-|-|E|-"), kBoth)
                  ->floods_external);
}

TEST_CASE("link state: who announces it is told, but for what a border tells") {
  LinkState state;
  state.router_id = kNear;
  state.reachable = {kRouter, kFar};
  state.floods_external = true;
  const auto who = [&](std::vector<Lsa> lsas) { return finding_of(kPrefix4, lsas, state).routers; };
  using Routers = std::vector<IpAddress>;
  CHECK(who({}).empty());
  CHECK(who({{Kind::external, kPrefix4, kFar, false}, {Kind::external, kPrefix4, kNear, false}}) ==
        Routers{kNear, kFar});
  CHECK(who({{Kind::external, kPrefix4, kFar, false}, {Kind::own_link, kPrefix4, kRouter, false}}) ==
        Routers{kRouter, kFar});
  CHECK(who({{Kind::external, kPrefix4, ip("198.51.100.9"), false}}).empty());
  CHECK(who({{Kind::summary, kPrefix4, kRouter, false}}).empty());
}

TEST_CASE("link state: what border routers tell is no reason to count more than there are") {
  LinkState state;
  state.router_id = kNear;
  state.reachable = {kRouter, kFar};
  state.floods_external = true;
  const auto found = [&](std::vector<Lsa> lsas) { return counted(kPrefix4, lsas, state); };
  CHECK(found({}) == Finding{false, 0});
  CHECK(found({{Kind::summary, kPrefix4, kRouter, false}}) == Finding{false, 1, 1});
  CHECK(found({{Kind::summary, kPrefix4, kRouter, false}, {Kind::summary, kPrefix4, kFar, false}}).others ==
        1);
  CHECK(found({{Kind::summary, kPrefix4, kRouter, true}, {Kind::summary, kPrefix4, kFar, true}}).others == 2);
  // It may tell of us.
  CHECK(found({{Kind::summary, kPrefix4, kRouter, false}, {Kind::own_link, kPrefix4, kNear, false}}) ==
        Finding{true, 0});
  CHECK(found({{Kind::external, kPrefix4, kRouter, false}, {Kind::nssa, kPrefix4, kNear, false}}) ==
        Finding{true, 0});
  // Ours may tell of another.
  CHECK(found({{Kind::summary, kPrefix4, kNear, false}}) == Finding{false, 0});
  CHECK(found({{Kind::external, kPrefix4, kNear, false}, {Kind::nssa, kPrefix4, kFar, false}}) ==
        Finding{false, 1});
  // Behind a border may be anybody; else they come by their ids, of which ours is the lowest but the
  // router's.
  CHECK(found({{Kind::external, kPrefix4, kFar, false}}).before == 0);
  CHECK(found({{Kind::external, kPrefix4, kFar, false}, {Kind::external, kPrefix4, kRouter, false}}) ==
        Finding{false, 2, 1});
  // No area takes our external LSA; a link of ours is in one all the same.
  state.floods_external = false;
  CHECK(found({{Kind::external, kPrefix4, kNear, false}}) == Finding{false, 0, 0, true});
  CHECK(found({{Kind::external, kPrefix4, kNear, false}, {Kind::own_link, kPrefix4, kNear, false}}) ==
        Finding{true, 0});
  CHECK(found({{Kind::external, kPrefix4, kFar, false}}) == Finding{false, 1});
  // By two kinds of LSA, it is one router all the same.
  CHECK(found({{Kind::external, kPrefix4, kFar, false}, {Kind::own_link, kPrefix4, kFar, false}}).others ==
        1);
}

TEST_CASE("link state: neighbours, and what they have yet to acknowledge") {
  const auto well = state("state_both").neighbours;
  CHECK(well.full == 1);
  CHECK(well.forming == 0);
  CHECK(well.unacknowledged == 0);
  CHECK(state("state_unacknowledged").neighbours.unacknowledged == 1);
  CHECK(six("six_both").neighbours.full == 1);
  CHECK(six("six_both").neighbours.unacknowledged == 0);
  CHECK(six("six_withdrawn").neighbours.unacknowledged == 1);
  const auto loading = read_ospf_state(with(answer("state_both"), "Full\\/-", "Loading\\/-"), kBoth);
  REQUIRE(loading);
  CHECK(loading->neighbours.full == 0);
  CHECK(loading->neighbours.forming == 1);
}

TEST_CASE("link state: who can be reached is told by links that both ends tell of, too") {
  const auto all = state("state_both");
  CHECK(all.reachable == std::set<IpAddress>{kRouter, kFar});
  CHECK(state("state_dead").reachable == std::set<IpAddress>{kRouter});
  // The far node is no border router here, and its own LSA tells of another neighbour than the router's.
  auto apart = with(answer("state_both"), "R    198.51.100.6", "X    198.51.100.6");
  CHECK(read_ospf_state(apart, kBoth)->reachable.contains(kFar));
  const std::string link = "\"neighborRouterId\": \"198.51.100.1\"";
  REQUIRE(apart.rfind(link) != std::string::npos);
  apart.replace(apart.rfind(link), link.size(), "\"neighborRouterId\": \"198.51.100.9\"");
  CHECK_FALSE(read_ospf_state(apart, kBoth)->reachable.contains(kFar));
  CHECK(six("six_both").reachable.contains(kFar));
  CHECK_FALSE(six("six_dead").reachable.contains(kFar));
}

TEST_CASE("link state: a prefix is one of its length") {
  const auto wider = Prefix::parse("192.0.2.0/31").value();
  const auto read = read_ospf_prefix(answer("prefix_both"), {wider});
  REQUIRE(read);
  CHECK(read->lsas.empty());
}

TEST_CASE("link state: what is not understood is an error, and not nothing") {
  CHECK_FALSE(read_ospf_prefix(answer("no_instance"), kBoth));
  CHECK_FALSE(read_ospf6_state(answer("no_instance_six"), kBoth));
  CHECK_FALSE(read_ospf_state(answer("unknown_command"), kBoth));
  CHECK_FALSE(read_ospf6_state(answer("cut"), kBoth));
  CHECK_FALSE(read_ospf_prefix(answer("state_both"), kBoth));
  CHECK_FALSE(read_ospf_prefix("", kBoth));
  const auto good = answer("prefix_both");
  for (const auto* key : {"lsaAge", "asExternalLinkStates", "routerId", "advertisingRouter", "networkMask"})
    CHECK_FALSE_MESSAGE(read_ospf_prefix(with(good, key, "other"), kBoth), key);
  CHECK_FALSE(read_ospf_prefix(with(good, "\"networkMask\": 32", "\"networkMask\": 33"), kBoth));
  CHECK_FALSE(read_ospf_prefix(with(good, "\"networkMask\": 32", "\"networkMask\": -1"), kBoth));
  const auto state = answer("state_both");
  for (const auto* key : {"linkStateRetransmissionListCounter", "nbrState", "====", "routerLinks", "options"})
    CHECK_FALSE_MESSAGE(read_ospf_state(with(state, key, "other"), kBoth), key);
  const auto six = answer("six_both");
  for (const auto* key :
       {"reTransListCount", "neighborState", "routerId", "payload", "\"lsa\"", "areas", "areaIsStub"})
    CHECK_FALSE_MESSAGE(read_ospf6_state(with(six, key, "\"other\""), kBoth), key);
}

TEST_CASE("replies are split at their ends") {
  const auto text = std::string("one\0\0\0\0two\0\0\0\2", 14);
  const auto split = split_replies(text);
  REQUIRE(split);
  REQUIRE(split->size() == 2);
  CHECK((*split)[0].text == "one");
  CHECK((*split)[1].text == "two");
  CHECK((*split)[1].status == 2);
  for (const std::size_t size : {1U, 6U, 8U, 13U}) CHECK_FALSE(split_replies(text.substr(0, size)));
}
