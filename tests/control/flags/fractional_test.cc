#include "control/flags/fractional.h"

#include <gtest/gtest.h>

#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::optional<uint32_t> weight(const char* json) {
  const JsonValue entry = *parse_json(json);
  return entry_weight(Value::from(entry));
}

TEST(EntryWeight, FollowsFlagd) {
  EXPECT_EQ(weight(R"(["a",25])"), 25U);
  EXPECT_EQ(weight(R"(["a"])"), 1U);
  EXPECT_EQ(weight(R"(["a",null])"), 1U);
  EXPECT_EQ(weight(R"(["a",-7])"), 0U);
  EXPECT_EQ(weight(R"([true,2147483647])"), 2147483647U);
  EXPECT_EQ(weight(R"([null,3,"more"])"), 3U);
  for (const char* bad : {R"(["a",2147483648])", R"(["a",1.5])", R"(["a","5"])", R"(["a",true])",
                          R"([["a"],1])", R"([{"x":1},1])", "[]", "\"a\"", "5"}) {
    EXPECT_FALSE(weight(bad)) << bad;
  }
}

}  // namespace
}  // namespace flagmesh::flags
