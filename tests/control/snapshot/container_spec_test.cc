#include "control/snapshot/container_spec.h"

#include <gtest/gtest.h>

namespace flagmesh::snapshot {
namespace {

TEST(EndpointSpec, TextIsWhatTheConfigurationWrites) {
  EXPECT_EQ((EndpointSpec{.host = "127.0.0.1", .port = 7001}.text()), "127.0.0.1:7001");
  EXPECT_EQ((EndpointSpec{.host = "::1", .port = 80}.text()), "[::1]:80");
  EXPECT_EQ((EndpointSpec{.host = "web.default.svc", .port = 8080}.text()), "web.default.svc:8080");
  EXPECT_EQ((EndpointSpec{.unix_path = "/run/web.sock"}.text()), "unix:/run/web.sock");
}

TEST(ContainerSpec, AnyDifferenceMakesAnotherContainer) {
  ContainerSpec a{.name = "web", .endpoints = {{.host = "127.0.0.1", .port = 80}}};
  ContainerSpec b = a;
  EXPECT_EQ(a, b);
  b.circuit_breaker.max_requests = 1;
  EXPECT_NE(a, b);
  b = a;
  b.endpoints[0].weight = 2;
  EXPECT_NE(a, b);
  b = a;
  b.health_check = HealthCheckSpec{};
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace flagmesh::snapshot
