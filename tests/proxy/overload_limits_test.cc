#include "proxy/overload_limits.h"

#include <gtest/gtest.h>

#include "proxy/memory_size.h"

namespace flagmesh {
namespace {

TEST(OverloadLimits, AutoLeavesAQuarterToContainers) {
  config::ProxyConfig proxy;
  proxy.listeners.resize(2);
  const OverloadLimits limits = overload_limits(proxy, 4, 1'024, 1'000'000'000);
  EXPECT_LE(limits.max_connections + 200, 1'024U);
  EXPECT_GT(limits.max_connections, 600U);
  EXPECT_EQ(limits.buffered_bytes, 1'000'000'000U / 4 / 4) << "a worker's share of a quarter";
}

TEST(OverloadLimits, WhatIsAskedForHoldsAndLittleIsNotNothing) {
  config::ProxyConfig proxy;
  proxy.limits.max_connections = 5'000;
  proxy.limits.buffered_bytes = 8 * 1024 * 1024;
  const OverloadLimits limits = overload_limits(proxy, 2, 1'024, 1'000'000'000);
  EXPECT_EQ(limits.max_connections, 5'000U);
  EXPECT_LT(limits.connections_fit, 5'000U);
  EXPECT_EQ(limits.buffered_bytes, 4U * 1024 * 1024);
  EXPECT_GT(overload_limits({}, 8, 32, 1).max_connections, 0U);
  EXPECT_GT(overload_limits({}, 8, 32, 1).buffered_bytes, 0U);
}

TEST(MemorySize, IsPlausible) { EXPECT_GT(usable_memory(), 1024U * 1024); }

}  // namespace
}  // namespace flagmesh
