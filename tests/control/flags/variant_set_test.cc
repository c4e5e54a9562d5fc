#include "control/flags/variant_set.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(VariantSetTest, FindsByName) {
  const VariantSet set(std::vector<Variant>{Variant{"b", 1}, Variant{"a", 2}, Variant{"c", 3}});
  EXPECT_EQ(set.find("a"), 1U);
  EXPECT_EQ(set.find("b"), 0U);
  EXPECT_EQ(set.find("c"), 2U);
  EXPECT_FALSE(set.find("d"));
  EXPECT_FALSE(set.find(""));
  EXPECT_EQ(set.list()[0].name, "b");
}

TEST(VariantSetTest, FlagsWithTheSameVariantsShareThem) {
  const std::vector<Variant> on_off = {Variant{"on", true}, Variant{"off", false}};
  const auto one = VariantSet::shared(on_off);
  EXPECT_EQ(VariantSet::shared(on_off), one);
  // Neither the order nor a value may differ.
  const std::vector<Variant> others[] = {
      {Variant{"off", false}, Variant{"on", true}},
      {Variant{"on", 1}, Variant{"off", 0}},
      {Variant{"on", "true"}, Variant{"off", "false"}},
  };
  for (const std::vector<Variant>& other : others) EXPECT_NE(VariantSet::shared(other), one);
  const std::vector<Variant> brief = {Variant{"only", "here"}};
  const std::weak_ptr<const VariantSet> watched = VariantSet::shared(brief);
  EXPECT_TRUE(watched.expired());
  // A name cannot pretend to be two.
  const std::vector<Variant> tricky = {Variant{"a\"1\"b", 2}};
  const std::vector<Variant> plain = {Variant{"a", 1}, Variant{"b", 2}};
  EXPECT_NE(VariantSet::shared(tricky), VariantSet::shared(plain));
}

TEST(VariantSetTest, LargeOnesAreNotRemembered) {
  const std::vector<Variant> large = {Variant{"a", std::string(1000, 'x')}};
  EXPECT_NE(VariantSet::shared(large), VariantSet::shared(large));
}

}  // namespace
}  // namespace flagmesh::flags
