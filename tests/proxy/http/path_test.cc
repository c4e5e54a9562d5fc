#include "proxy/http/path.h"

#include <gtest/gtest.h>

#include <string>

namespace flagmesh::http {
namespace {

class Path : public testing::Test {
 protected:
  std::optional<Target> parse(std::string_view raw, bool normalize = true) {
    return parse_target(raw, Method::kGet, normalize, arena_);
  }
  std::string text(std::string_view raw, bool normalize = true) {
    const std::optional<Target> target = parse(raw, normalize);
    return target ? std::string(target->text) : "refused";
  }

  BlockPool pool_;
  Arena arena_{pool_};
};

TEST_F(Path, PartsOfATarget) {
  const std::optional<Target> target = parse("http://a:1//b/%2e/c?d?e");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->scheme, "http");
  EXPECT_EQ(target->authority, "a:1");
  EXPECT_EQ(target->text, "/b/c?d?e");
  EXPECT_EQ(target->path, "/b/c");
  EXPECT_EQ(target->query, "d?e");
  EXPECT_EQ(parse("/a")->query, "");
  EXPECT_EQ(parse("/a?")->text, "/a?");
  EXPECT_EQ(parse("/a?")->path, "/a");
}

TEST_F(Path, NormalPathsAreNotCopied) {
  const std::string_view raw = "/a/b.c/d-e;f=g?h=%zz//..";
  const std::optional<Target> target = parse(raw);
  ASSERT_TRUE(target);
  EXPECT_EQ(target->text.data(), raw.data());
}

TEST_F(Path, WithoutNormalisationOnlyChecked) {
  EXPECT_EQ(text("/a//./b/../%41?x", false), "/a//./b/../%41?x");
  EXPECT_EQ(text("/a%00", false), "refused");
  EXPECT_EQ(text("/a%4", false), "refused");
  EXPECT_EQ(text("/a\\b", false), "refused");
}

// Every path of up to six pieces: normal form is a fixed point, begins with one slash, and has no
// dot segments or runs.
TEST_F(Path, NormalisingTwiceChangesNothing) {
  constexpr std::array<std::string_view, 8> kPieces{"/", ".", "..", "a", "%2e", "%2f", "%41", ";"};
  for (unsigned code = 0; code < 1u << 18; ++code) {
    std::string raw = "/";
    for (unsigned rest = code, i = 0; i < 6; ++i, rest >>= 3) raw += kPieces[rest & 7];
    const std::string once = text(raw);
    ASSERT_EQ(text(once), once) << raw;
    ASSERT_EQ(once.front(), '/') << raw;
    ASSERT_EQ(once.find("//"), std::string::npos) << raw;
    ASSERT_EQ(once.find("/./"), std::string::npos) << raw;
    ASSERT_EQ(once.find("/../"), std::string::npos) << raw;
    ASSERT_FALSE(once.ends_with("/.") || once.ends_with("/..")) << raw;
    ASSERT_LE(once.size(), raw.size());
    arena_.reset();
  }
}

TEST_F(Path, EveryByteInAPath) {
  for (int c = 0; c < 256; ++c) {
    const std::string raw = std::string("/a") + static_cast<char>(c) + "b";
    const bool refused =
        c <= 0x20 || c >= 0x7f ||
        std::string_view("\"#%<>\\").find(static_cast<char>(c)) != std::string_view::npos;
    EXPECT_EQ(parse(raw).has_value(), !refused) << c;
    const std::string query = std::string("/?a") + static_cast<char>(c) + "b";
    const bool refused_there =
        c <= 0x20 || c >= 0x7f ||
        std::string_view("\"#<>").find(static_cast<char>(c)) != std::string_view::npos;
    EXPECT_EQ(parse(query).has_value(), !refused_there) << c;
  }
}

TEST_F(Path, EveryEscape) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (size_t c = 1; c < 256; ++c) {
    const std::string escape{'%', kHex[c / 16], kHex[c % 16]};
    const char byte = static_cast<char>(c);
    const bool decoded = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') ||
                         std::string_view("-._~").find(byte) != std::string_view::npos;
    EXPECT_EQ(text("/x" + escape), decoded ? std::string("/x") + byte : "/x" + escape);
  }
}

TEST(Authority, Valid) {
  for (const std::string_view good : {"a", "a.b.", "a-b_c~d", "1.2.3.4:80", "[::1]",
                                      "[1:2:3:4:5:6:7:8]:65535", "a:", "a%2Db", "A:0"}) {
    EXPECT_TRUE(is_valid_authority(good)) << good;
  }
  for (const std::string_view bad : {"",
                                     ":",
                                     ":80",
                                     "a:b",
                                     "a:65536",
                                     "a:000001",
                                     "a b",
                                     "u@a",
                                     "a,b",
                                     "[",
                                     "[]",
                                     "[::1",
                                     "[::1]80",
                                     "[1.2.3.4]",
                                     "[::1%25lo]",
                                     "a%",
                                     "a%0",
                                     "a%00",
                                     "[0000000000000000000000000000000000000000000000::1]",
                                     "a/b",
                                     "a\\b"}) {
    EXPECT_FALSE(is_valid_authority(bad)) << bad;
  }
}

}  // namespace
}  // namespace flagmesh::http
