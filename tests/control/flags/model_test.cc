#include "control/flags/model.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(Model, FindsByName) {
  FlagDefinition flag;
  flag.key = "f";
  flag.variants = {{"on", true}, {"off", false}};
  EXPECT_EQ(flag.variant_index("off"), 1U);
  EXPECT_FALSE(flag.variant_index("of"));
  FlagSet set;
  set.flags.push_back(flag);
  EXPECT_EQ(set.find("f"), &set.flags.front());
  EXPECT_EQ(set.find("g"), nullptr);
}

}  // namespace
}  // namespace flagmesh::flags
