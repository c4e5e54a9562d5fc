#include "control/flags/number.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {
namespace {

TEST(Number, RefusesWhatCanonicalJsonWouldNotKeep) {
  for (const char* text : {"9007199254740993", "-9007199254740993", "1e16", "100000000000000000000",
                           "1000000000000000000000000", "1e400", "-1e400"}) {
    EXPECT_FALSE(decimal_number(text)) << text;
  }
}

TEST(Number, WhatIsTakenReadsBackFromItsCanonicalText) {
  for (const char* text :
       {"0", "-0", "1", "9007199254740992", "-9007199254740992", "1e21", "1.5e300", "5e-324",
        "1e-400", "0.1", "+7", ".5", "5.", "1e0", "123e-2"}) {
    const auto number = decimal_number(text);
    ASSERT_TRUE(number) << text;
    const auto again = decimal_number(ecmascript_number(*number));
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*number, *again);
  }
}

TEST(Number, IntegersWrittenInOtherBasesHaveTheSameLimit) {
  EXPECT_TRUE(integer_number(9007199254740992.0));
  EXPECT_FALSE(integer_number(9007199254740994.0));
}

}  // namespace
}  // namespace flagmesh::flags
