#include "routing/keeper_message.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

TEST_CASE("a message survives the way") {
  const Want want{Clock::now(), {Wish::announce, Wish::withdraw, Wish::hold}};
  const Message sent{MessageType::want, 7, 42, pack_want(want)};
  const auto got = decode(encode(sent));
  REQUIRE(got);
  CHECK(got->type == MessageType::want);
  CHECK(got->generation == 7);
  CHECK(got->serial == 42);
  const auto read = unpack_want(got->body, 3);
  REQUIRE(read);
  CHECK(read->said == want.said);
  CHECK(read->wishes == want.wishes);
}

TEST_CASE("what is cut short, too long or of unknown type is no message") {
  const auto good = encode({MessageType::accept, 1, 2, {}});
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode(good.substr(0, size)));
  CHECK_FALSE(decode(std::string(kLargestMessage + 1, '\1')));
  CHECK_FALSE(decode(std::string(9, '\0')));
  CHECK_FALSE(decode(std::string(9, '\x7f')));
}

TEST_CASE(
    "wishes are taken only for just as many advertisements as there are, and only those that there are") {
  for (const std::size_t count : {0U, 1U, 7U, 1000U}) {
    const auto packed = pack_want({Clock::now(), std::vector<Wish>(count, Wish::announce)});
    CHECK(unpack_want(packed, count)->wishes.size() == count);
    CHECK_FALSE(unpack_want(packed, count + 1));
    CHECK_FALSE(unpack_want(packed + "x", count));
    if (count > 0) CHECK_FALSE(unpack_want(packed, count - 1));
    CHECK_FALSE(unpack_want(packed.substr(0, packed.size() - 1), count));
  }
  CHECK_FALSE(unpack_want("", 0));
  auto odd = pack_want({Clock::now(), {Wish::announce}});
  odd.back() = '\4';
  CHECK_FALSE(unpack_want(odd, 1));
}

TEST_CASE("circumstances survive the way") {
  for (const bool suspended : {false, true}) {
    const auto packed = pack_circumstances({suspended, {true, false}, {false, true, true}});
    const auto got = unpack_circumstances(packed);
    REQUIRE(got);
    CHECK(got->suspended == suspended);
    CHECK(got->found == std::vector<bool>{true, false});
    CHECK(got->drained == std::vector<bool>{false, true, true});
    for (std::size_t cut = 0; cut < 7; ++cut) CHECK_FALSE(unpack_circumstances(packed.substr(0, cut)));
    CHECK_FALSE(unpack_circumstances(packed + '\2'));
  }
}

TEST_CASE("drained services are flags, of as many as there are") {
  const std::vector<bool> drained{true, false, true};
  CHECK(unpack_drained(pack_drained(drained), 3).value() == drained);
  CHECK_FALSE(unpack_drained(pack_drained(drained), 2));
  CHECK_FALSE(unpack_drained(pack_drained(drained), 4));
  CHECK_FALSE(unpack_drained("\1\3\1", 3));
}

TEST_CASE("a refusal keeps its lines, made printable and bounded") {
  const auto got = unpack_refusal(pack_refusal({true, {"first", "second\x1b[2Jline"}}));
  CHECK(got.flags_alone);
  REQUIRE(got.lines.size() == 2);
  CHECK(got.lines[1] == "second?[2Jline");
  CHECK(unpack_refusal(std::string(1, '\0') + std::string(5000, 'x')).lines.front().size() == 1000);

  const Refusal many{false, std::vector<std::string>(5000, std::string(90, 'y'))};
  const auto packed = pack_refusal(many);
  CHECK(packed.size() < kLargestMessage);
  CHECK(unpack_refusal(packed).lines.back().ends_with(" more errors"));
}

TEST_CASE("how the kernel has it survives the way, and nothing else is taken for it") {
  using State = AdvertisementState;
  const KernelView sent{{State::announced, State::withdrawn, State::foreign},
                        {"interface eth7 is missing"},
                        {},
                        {7, 0x80000001}};
  const auto packed = pack_view(sent);
  REQUIRE(unpack_view(packed));
  CHECK(*unpack_view(packed) == sent);
  CHECK(*unpack_view(pack_view({})) == KernelView{});
  for (std::size_t size = 0; size < 7; ++size) CHECK_FALSE(unpack_view(packed.substr(0, size)));
  auto odd = packed;
  odd[4] = '\4';
  CHECK_FALSE(unpack_view(odd));
  CHECK_FALSE(unpack_view("\xff\xff\xff\xff"));
  auto dirty = sent;
  dirty.problems = {"a\x1b[2Jb"};
  CHECK(unpack_view(pack_view(dirty))->problems == std::vector<std::string>{"a?[2Jb"});

  const KernelView many{std::vector<State>(100000, State::announced),
                        std::vector<std::string>(5000, std::string(90, 'y'))};
  const auto all = encode({MessageType::applied, 1, 2, pack_view(many)});
  REQUIRE(decode(all));
  const auto got = unpack_view(decode(all)->body);
  REQUIRE(got);
  CHECK(got->states == many.states);
  CHECK(got->problems.back().ends_with(" more problems"));
}

TEST_CASE("files survive the way, whatever is in them") {
  const std::vector<SourceFile> files = {{"anyprobe.json", std::string("\0\xff{}", 4)},
                                         {"conf.d/a.json", ""},
                                         {"/s", "x", SourceFile::Role::attachment},
                                         {"/t", "why", SourceFile::Role::missing}};
  const auto packed = pack_files(files);
  const auto got = unpack_files(packed);
  REQUIRE(got);
  REQUIRE(got->size() == files.size());
  CHECK((*got)[0].text == files[0].text);
  CHECK((*got)[1].name == "conf.d/a.json");
  CHECK((*got)[2].role == SourceFile::Role::attachment);
  CHECK((*got)[3].role == SourceFile::Role::missing);
  auto unknown = packed;
  unknown.front() = '\3';
  CHECK_FALSE(unpack_files(unknown));
  CHECK_FALSE(unpack_files(packed.substr(0, packed.size() - 1)));
}

TEST_CASE("a view tells what waits, and nothing of what is not there") {
  using State = AdvertisementState;
  const TimePoint until{std::chrono::nanoseconds(1234567890123)};
  const KernelView view{{State::withdrawn, State::announced}, {"one"}, {{}, until}};
  const auto packed = pack_view(view);
  const auto got = unpack_view(packed);
  REQUIRE(got);
  CHECK(*got == view);
  for (std::size_t length = 0; length + 4 < packed.size(); ++length)
    CHECK_FALSE(unpack_view(packed.substr(0, length)));
  CHECK_FALSE(unpack_view(pack_view({{State::withdrawn}, {}, {{}, until}})));
  // Of very many that wait, some are told, and the message holds.
  KernelView many;
  many.states.resize(100'000);
  many.waits.assign(100'000, until);
  many.problems.assign(1000, std::string(900, 'x'));
  const auto all = pack_view(many);
  CHECK(all.size() < kLargestMessage - 9);
  REQUIRE(unpack_view(all));
  CHECK(unpack_view(all)->waits.front() == until);
}
