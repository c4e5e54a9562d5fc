#include "proxy/http/message.h"

#include <gtest/gtest.h>

namespace flagmesh::http {
namespace {

TEST(Message, MethodsGoBothWays) {
  for (int i = 0; i < static_cast<int>(Method::kOther); ++i) {
    const auto method = static_cast<Method>(i);
    EXPECT_EQ(method_of(method_name(method)), method);
  }
  EXPECT_EQ(method_of("get"), Method::kOther);
  EXPECT_EQ(method_of("PROPFIND"), Method::kOther);
  EXPECT_EQ(method_of(""), Method::kOther);
  EXPECT_EQ(method_name(Method::kOther), "");
}

TEST(Message, Idempotent) {
  EXPECT_TRUE(is_idempotent(Method::kGet));
  EXPECT_TRUE(is_idempotent(Method::kDelete));
  EXPECT_FALSE(is_idempotent(Method::kPost));
  EXPECT_FALSE(is_idempotent(Method::kPatch));
  EXPECT_FALSE(is_idempotent(Method::kOther));
}

}  // namespace
}  // namespace flagmesh::http
