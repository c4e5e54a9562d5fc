#include "control/flags/sugar.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

TEST(Rollout, IsTheSameInWhateverOrderItIsWritten) {
  std::vector<std::string> names = {"b", "a", "\u00e9", "c"};
  std::ranges::sort(names);
  do {
    FlagDefinition flag;
    flag.key = "f";
    for (const std::string& name : names) flag.variants.push_back({name, 1});
    flag.default_variant = "b";
    JsonValue::Object rollout;
    for (const std::string& name : names) {
      if (name != "c") rollout.push_back({name, static_cast<int>(name[0] & 0x0F)});
    }
    Diagnostics out;
    EXPECT_EQ(canonical_json(desugar_rollout(rollout, flag, "f.yaml", out)),
              "{\"fractional\":[[\"a\",1],[\"c\",0],[\"\u00e9\",3],[\"b\",2]]}");
    EXPECT_TRUE(out.empty());
  } while (std::ranges::next_permutation(names).found);
}

TEST(Rollout, WithoutADefaultKeepsNameOrder) {
  FlagDefinition flag;
  flag.variants = {{"z", 1}, {"a", 2}};
  Diagnostics out;
  EXPECT_EQ(canonical_json(desugar_rollout(JsonValue::Object{{"z", 5}}, flag, "f", out)),
            R"({"fractional":[["a",0],["z",5]]})");
}

}  // namespace
}  // namespace flagmesh::flags
