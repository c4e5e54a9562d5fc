#include "control/flags/sem_ver.h"

#include <gtest/gtest.h>

namespace flagmesh::flags {
namespace {

TEST(SemVer, OrdersAsTheSpecificationDoes) {
  const char* const sorted[] = {"0.9.9",
                                "1.0.0-0",
                                "1.0.0-2",
                                "1.0.0-11",
                                "1.0.0-alpha",
                                "1.0.0-alpha.1",
                                "1.0.0-alpha.beta",
                                "1.0.0-beta",
                                "1.0.0-rc.1",
                                "1.0.0",
                                "1.0.1",
                                "1.2.0",
                                "1.10.0",
                                "99999999999999999999.0.0"};
  for (size_t i = 0; i < std::size(sorted); ++i) {
    for (size_t j = 0; j < std::size(sorted); ++j) {
      EXPECT_EQ(sem_ver(sorted[i], "<", sorted[j]), i < j) << sorted[i] << " " << sorted[j];
      EXPECT_EQ(sem_ver(sorted[i], ">=", sorted[j]), i >= j) << sorted[i] << " " << sorted[j];
      EXPECT_EQ(sem_ver(sorted[i], "=", sorted[j]), i == j) << sorted[i] << " " << sorted[j];
      EXPECT_EQ(sem_ver(sorted[i], "!=", sorted[j]), i != j) << sorted[i] << " " << sorted[j];
    }
  }
}

TEST(SemVer, ShortVersionsPrefixesAndBuilds) {
  EXPECT_EQ(sem_ver("v1.0.0", "=", "V1"), true);
  EXPECT_EQ(sem_ver("1.2", "=", "1.2.0"), true);
  EXPECT_EQ(sem_ver("1.0.0+other", "=", "1.0.0+build"), true);
  EXPECT_EQ(sem_ver("3.0.1", "~", "3.0.0"), true);
  EXPECT_EQ(sem_ver("3.1.0", "~", "3.0.0"), false);
  EXPECT_EQ(sem_ver("3.1.0", "^", "3.0.0"), true);
  EXPECT_EQ(sem_ver("4.0.0", "^", "3.0.0"), false);
}

TEST(SemVer, RefusesWhatIsNoVersion) {
  for (const char* text :
       {"",       "v",      "x",        "1.",       ".1",         "1..2",   "1.2.3.4",
        "01.0.0", "1.00.0", "1.0.0-",   "1.0.0-01", "1.0.0-a..b", "1.0.0+", "1.0.0+a..b",
        "1-a",    "1.2+b",  "1.0.0-a.", "vv1.0.0",  "-1.0.0",     "1.0.0 ", "1.0.0-\xC3\xA9",
        "1e3"}) {
    EXPECT_FALSE(sem_ver(text, "=", "1.0.0").has_value()) << text;
    EXPECT_FALSE(sem_ver("1.0.0", "=", text).has_value()) << text;
  }
  EXPECT_TRUE(sem_ver("1.0.0-0a", "<", "1.0.0").has_value());
  for (const char* operation : {"", "==", "===", "*", "=>", "~>"}) {
    EXPECT_FALSE(sem_ver("1.0.0", operation, "1.0.0").has_value()) << operation;
  }
}

}  // namespace
}  // namespace flagmesh::flags
