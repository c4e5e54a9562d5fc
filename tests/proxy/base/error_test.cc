#include "proxy/base/error.h"

#include <gtest/gtest.h>

#include "proxy/base/result.h"

namespace flagmesh {
namespace {

TEST(Error, TextLeavesOutWhatIsEmpty) {
  EXPECT_EQ((Error{"c", "it broke", "file:3", "mend it"}.text()), "file:3: it broke (mend it)");
  EXPECT_EQ((Error{"c", "it broke"}.text()), "it broke");
  EXPECT_EQ((Error{"c", "it broke", "", "mend it"}.text()), "it broke (mend it)");
}

TEST(Error, Fail) {
  const Result<int> result = fail("bad_thing", "no", "here", "try again");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "bad_thing");
  EXPECT_EQ(result.error().text(), "here: no (try again)");
}

}  // namespace
}  // namespace flagmesh
