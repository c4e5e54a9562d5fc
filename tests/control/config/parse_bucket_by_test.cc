#include "control/config/parse_bucket_by.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

TEST(BucketBy, MintReadsTheCookieThatItSets) {
  const auto keys = [](const std::string& more) {
    const auto parsed =
        parse(route("{ path: /f, flag: f, serve: { \"on\": web }, fallback: web" + more + " }"));
    EXPECT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
    const snapshot::Route& last = parsed.config.proxy->routes.back();
    std::string text;
    for (const auto& key : last.bucket_by) text += std::to_string(int(key.kind)) + key.name + " ";
    return text + "> " + last.mint_cookie;
  };
  EXPECT_EQ(keys(""), "1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [mint]"), "1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [\"header:h\", mint]"), "0h 1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [\"cookie:a\", \"cookie:b\", mint]"), "1a 1b 4 > b");
  EXPECT_EQ(keys(", bucket_by: [\"cookie:a\"]"), "1a > ");
  EXPECT_EQ(keys(", bucket_by: [ip]"), "3 > ");
}

class BucketByMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(BucketByMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , BucketByMistakes,
    testing::Values(Mistake{flag_route("bucket_by: @@[]"), "'bucket_by' in route 3 ('/f') is empty",
                            "header:NAME"},
                    Mistake{flag_route("bucket_by: @@mint"),
                            "'bucket_by' in route 3 ('/f') must be a list, not text", ""},
                    Mistake{flag_route("bucket_by: [@@user]"),
                            "'user' is no source of a targeting key", "header:NAME"},
                    Mistake{flag_route("bucket_by: [\"header:h\", @@\"header:H\"]"),
                            "'header:H' is listed twice", "remove"},
                    Mistake{flag_route("bucket_by: [@@mint, ip]"), "'mint' must come last", ""},
                    Mistake{flag_route("bucket_by: [@@\"cookie:\"]"), "'cookie:' names no cookie",
                            "cookie:NAME"},
                    Mistake{flag_route("bucket_by: [@@\"header:a b\"]"),
                            "'a b' is no name of a header", ""}));

}  // namespace
}  // namespace flagmesh::config
