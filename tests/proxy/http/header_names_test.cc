#include "proxy/http/header_names.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace flagmesh::http {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return out;
}

TEST(HeaderNames, EveryNameIsFoundInAnyCase) {
  for (size_t i = 1; i < static_cast<size_t>(HeaderId::kCount); ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    ASSERT_FALSE(name.empty());
    EXPECT_EQ(header_id(name), id) << name;
    EXPECT_EQ(header_id(upper(name)), id) << name;
    std::string mixed = name;
    mixed[0] = upper(mixed)[0];
    EXPECT_EQ(header_id(mixed), id) << name;
  }
}

// One byte away from a listed name in every place: the slot's hash must not decide alone.
TEST(HeaderNames, NearlyIsOther) {
  for (size_t i = 1; i < static_cast<size_t>(HeaderId::kCount); ++i) {
    const std::string name(header_name(static_cast<HeaderId>(i)));
    for (size_t at = 0; at < name.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string other = name;
        other[at] = static_cast<char>(c);
        const HeaderId id = header_id(other);
        const bool same = c == name[at] || static_cast<char>(c) == upper(name)[at];
        ASSERT_EQ(id == static_cast<HeaderId>(i), same) << name << " " << at << " " << c;
        ASSERT_TRUE(same || id == HeaderId::kOther);
      }
    }
    EXPECT_EQ(header_id(name + "x"), HeaderId::kOther);
    EXPECT_EQ(header_id(name.substr(1)), HeaderId::kOther);
    EXPECT_EQ(header_id(name.substr(0, name.size() - 1)), HeaderId::kOther);
  }
}

TEST(HeaderNames, Spelling) {
  EXPECT_EQ(header_id("Content-Length"), HeaderId::kContentLength);
  EXPECT_EQ(header_id("TE"), HeaderId::kTe);
  EXPECT_EQ(header_id("x-flagmesh-variant"), HeaderId::kXFlagmeshVariant);
  EXPECT_EQ(header_id(""), HeaderId::kOther);
  EXPECT_EQ(header_id("t"), HeaderId::kOther);
  EXPECT_EQ(header_id(std::string(300, 'a')), HeaderId::kOther);
  EXPECT_EQ(header_name(HeaderId::kOther), "");
  EXPECT_EQ(header_name(HeaderId::kCount), "");
}

TEST(HeaderNames, Flagmesh) {
  EXPECT_TRUE(is_flagmesh_name("X-FlagMesh-Anything"));
  EXPECT_TRUE(is_flagmesh_name("x-flagmesh-"));
  EXPECT_FALSE(is_flagmesh_name("x-flagmesh"));
  EXPECT_FALSE(is_flagmesh_name("xx-flagmesh-a"));
}

}  // namespace
}  // namespace flagmesh::http
