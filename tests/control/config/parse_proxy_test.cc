#include "control/config/parse_proxy.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

class ProxyMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ProxyMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , ProxyMistakes,
    testing::Values(
        Mistake{proxy("workers: @@0"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("workers: @@many"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("on_change: @@never"), "'on_change' in proxy cannot be 'never'", "drain"},
        Mistake{proxy("takeover_socket: @@/" + std::string(104, 'a')),
                "'takeover_socket' in proxy is longer than 103 bytes", "shorter"},
        Mistake{proxy("watch_settle: @@1ms"),
                "'watch_settle' in proxy must be from 50ms to 60000ms", ""},
        Mistake{proxy("limits: { max_connections: @@0 }"),
                "'max_connections' in 'limits' in proxy must be a whole number from 1 to 100000000",
                ""},
        Mistake{proxy("limits: { buffered_bytes: @@lots }"), "'buffered_bytes' in 'limits' in proxy: 'lots' is no size",
                ""},
        Mistake{proxy("drain_timeout: @@true"),
                "'drain_timeout' in proxy must be text, not true or false", ""},
        Mistake{proxy("timeouts: { connect: @@0s }"),
                "'connect' in 'timeouts' in proxy must be from 1ms to 3600000000ms", ""},
        Mistake{proxy("limits: { header_block: @@512B }"),
                "'header_block' in 'limits' in proxy must be from 1024B to 1MiB", ""},
        Mistake{proxy("limits: { target: @@2MiB }"),
                "'target' in 'limits' in proxy must be from 64B to 1MiB", ""},
        Mistake{proxy("limits: { header_fields: @@201 }"),
                "'header_fields' in 'limits' in proxy must be a whole number from 1 to 200", ""},
        Mistake{proxy("normalize_path: @@maybe"),
                "'normalize_path' in proxy must be true or false, not text", ""},
        Mistake{proxy("timeouts: { @@conect: 1s }"), "unknown key 'conect' in 'timeouts' in proxy",
                "did you mean 'connect'?"},
        Mistake{proxy("@@route: []"), "unknown key 'route' in proxy", "known here"},
        Mistake{proxy("@@timeouts:"), "'timeouts' in proxy must be a mapping, not nothing", ""},
        Mistake{
            container(
                "c: { endpoints: [\"h:1\"], outlier_detection: { max_ejection_percent: @@50% } }"),
            "'max_ejection_percent' in outlier_detection of container 'c' must be a whole number "
            "from 0 to 100",
            ""}));

TEST(ParseProxy, StateDirIsBesideTheFile) {
  const auto parsed = parse(proxy("state_dir: state/router"));
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  EXPECT_TRUE(parsed.config.proxy->state_dir.ends_with("state/router"));
  EXPECT_TRUE(parse(proxy("")).config.proxy->state_dir.empty());
}

TEST(ParseProxy, LimitsOfMessages) {
  const auto parsed = parse(
      proxy("limits: { header_block: 8KiB, header_fields: 50, target: 4KiB, max_body: 1MiB }\n"
            "  normalize_path: false"));
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  const http::H1Limits& limits = parsed.config.proxy->limits.messages;
  EXPECT_EQ(limits.header_block, 8192U);
  EXPECT_EQ(limits.fields, 50U);
  EXPECT_EQ(limits.target, 4096U);
  EXPECT_FALSE(limits.normalize_path);
  EXPECT_EQ(parsed.config.proxy->routes[0].max_body, 1'048'576U);
}

}  // namespace
}  // namespace flagmesh::config
