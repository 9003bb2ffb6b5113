#include "routing/keeper_message.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

TEST_CASE("a message survives the way") {
  const Message sent{MessageType::want, 7, 42, pack_flags({true, false, true})};
  const auto got = decode(encode(sent));
  REQUIRE(got);
  CHECK(got->type == MessageType::want);
  CHECK(got->generation == 7);
  CHECK(got->serial == 42);
  CHECK(*unpack_flags(got->body, 3) == std::vector<bool>{true, false, true});
}

TEST_CASE("what is cut short, too long or of unknown type is no message") {
  const auto good = encode({MessageType::accept, 1, 2, {}});
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode(good.substr(0, size)));
  CHECK_FALSE(decode(std::string(kLargestMessage + 1, '\1')));
  CHECK_FALSE(decode(std::string(9, '\0')));
  CHECK_FALSE(decode(std::string(9, '\x7f')));
}

TEST_CASE("flags are taken only for just as many advertisements as there are") {
  for (const std::size_t count : {0U, 1U, 7U, 8U, 9U, 1000U}) {
    std::vector<bool> flags(count);
    for (std::size_t i = 0; i < count; i += 3) flags[i] = true;
    const auto packed = pack_flags(flags);
    CHECK(*unpack_flags(packed, count) == flags);
    CHECK_FALSE(unpack_flags(packed, count + 1));
    CHECK_FALSE(unpack_flags(packed + "x", count));
    if (count > 0) CHECK_FALSE(unpack_flags(packed, count - 1));
    if (count > 0) CHECK_FALSE(unpack_flags(packed.substr(0, packed.size() - 1), count));
  }
  CHECK_FALSE(unpack_flags("", 0));
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

TEST_CASE("files survive the way, whatever is in them") {
  const std::vector<SourceFile> files = {{"anyprobe.json", std::string("\0\xff{}", 4)},
                                         {"conf.d/a.json", ""}};
  const auto packed = pack_files(files);
  const auto got = unpack_files(packed);
  REQUIRE(got);
  REQUIRE(got->size() == 2);
  CHECK((*got)[0].text == files[0].text);
  CHECK((*got)[1].name == "conf.d/a.json");
  CHECK_FALSE(unpack_files(packed.substr(0, packed.size() - 1)));
}
