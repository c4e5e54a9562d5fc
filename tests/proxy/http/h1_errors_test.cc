#include "proxy/http/h1_errors.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

TEST(H1Errors, Statuses) {
  EXPECT_EQ(status_of(H1Error::kBadMethod), 400);
  EXPECT_EQ(status_of(H1Error::kTargetTooLong), 414);
  EXPECT_EQ(status_of(H1Error::kHeadersTooLarge), 431);
  EXPECT_EQ(status_of(H1Error::kTrailersTooLarge), 431);
  EXPECT_EQ(status_of(H1Error::kUnknownTransferEncoding), 501);
  EXPECT_EQ(status_of(H1Error::kConnectRefused), 501);
  EXPECT_EQ(status_of(H1Error::kUnsupportedVersion), 505);
}

TEST(H1Errors, ReasonsAreTokens) {
  EXPECT_EQ(reason_of(H1Error::kNone), "");
  for (int e = 1; e <= static_cast<int>(H1Error::kTruncated); ++e) {
    const std::string_view reason = reason_of(static_cast<H1Error>(e));
    EXPECT_NE(reason, "unknown") << e;
    EXPECT_EQ(reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos)
        << reason;
  }
}

}  // namespace
}  // namespace flagmesh::http
