#include "control/config/parse_containers.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

TEST(ContainerNames, ResolveAndUse) {
  Diagnostics out;
  Report report("f", out);
  ContainerNames names({"b", "a", "c"});
  EXPECT_EQ(names.resolve(report, "a", {}, "x"), 1);
  EXPECT_EQ(names.resolve(report, "c", {}, "x"), 2);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(names.resolve(report, "ab", {4, 2}, "x"), snapshot::kNoContainer);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].text(), "f:4:2: error: x: there is no container 'ab'; did you mean 'b'?");
  EXPECT_FALSE(names.used(0));
  EXPECT_TRUE(names.used(1));
}

class ContainerMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ContainerMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , ContainerMistakes,
    testing::Values(
        Mistake{container("c: @@{ }"), "container 'c' has no endpoints", "HOST:PORT"},
        Mistake{container("c: @@[\"h:1\"]"), "container 'c' must be a mapping, not a list", ""},
        Mistake{container("@@C!: { endpoints: [\"h:1\"] }"), "'C!' is no name for a container",
                "a-z"},
        Mistake{container("c: { endpoints: @@\"h:1\" }"),
                "'endpoints' in container 'c' must be a list, not text", ""},
        Mistake{container("c: { endpoints: @@[] }"), "'endpoints' in container 'c' is empty", ""},
        Mistake{container("c: { @@endpoint: [\"h:1\"], endpoints: [\"h:1\"] }"),
                "unknown key 'endpoint' in container 'c'", ""},
        Mistake{container("c: { endpoints: [@@h] }"), "'h' has no port", "host:port"},
        Mistake{container("c: { endpoints: [@@\"http://h:80\"] }"), "'http://h:80' is a URL",
                "host:port"},
        Mistake{container("c: { endpoints: [@@\"h:http\"] }"), "'http' is no port", "1 to 65535"},
        Mistake{container("c: { endpoints: [@@\"h:0\"] }"), "'0' is no port", ""},
        Mistake{container("c: { endpoints: [@@\"h:65536\"] }"), "'65536' is no port", ""},
        Mistake{container("c: { endpoints: [@@\"::1:80\"] }"),
                "'::1:80' is not clear: which ':' begins the port?", "[::1]"},
        Mistake{container("c: { endpoints: [@@\"[::g]:80\"] }"), "'[::g]' is no IPv6 address", ""},
        Mistake{container("c: { endpoints: [@@\"300.1.1.1:80\"] }"),
                "'300.1.1.1' is no host name and no IP address", ""},
        Mistake{container("c: { endpoints: [@@\"unix:x.sock\"] }"),
                "the path of a Unix socket must begin with '/'", "unix:/run"},
        Mistake{container("c: { endpoints: [\"h:1\", @@\"h:1\"] }"),
                "endpoint 'h:1' of container 'c' is listed twice", "weight: 2"},
        Mistake{container("c: { endpoints: [@@{ weight: 2 }] }"),
                "an endpoint of container 'c' has no 'address'", "address"},
        Mistake{container("c: { endpoints: [{ address: \"h:1\", weight: @@0 }] }"),
                "'weight' in an endpoint of container 'c' must be a whole number from 1 to 65535",
                ""},
        Mistake{container("c: { endpoints: [\"h:1\"], load_balancing: @@maglev }"),
                "'load_balancing' in container 'c': this build does not have 'maglev' yet",
                "round_robin"},
        Mistake{container("c: { endpoints: [\"h:1\"], load_balancing: @@robin }"),
                "'load_balancing' in container 'c' cannot be 'robin'", "round_robin"},
        Mistake{container("c: { endpoints: [\"h:1\"], tls: @@{ cert: x } }"),
                "'tls' of container 'c' needs both 'cert' and 'key', or none", ""},
        Mistake{container("c: { endpoints: [\"unix:/s\"], tls: @@{ ca: x } }"),
                "'tls' of container 'c' needs 'server_name': a Unix socket has no name of its own", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], health_check: { path: @@health } }"),
                "'path' in health_check of container 'c' must begin with '/'", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], health_check: { interval: @@1ms } }"),
                "'interval' in health_check of container 'c' must be from 100ms to 3600000000ms",
                ""},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { error_rate: @@0.5 } }"),
                "'error_rate' in circuit_breaker of container 'c' has no '%'", "50%"},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { error_rate: @@150% } }"),
                "'error_rate' in circuit_breaker of container 'c': '150%' is no percentage", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { max_requests: @@0 } }"),
                "'max_requests' in circuit_breaker of container 'c' must be a whole number from 1 "
                "to 1000000",
                ""}));

}  // namespace
}  // namespace flagmesh::config
