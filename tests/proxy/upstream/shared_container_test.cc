#include "proxy/upstream/shared_container.h"

#include <gtest/gtest.h>

#include <thread>

namespace flagmesh::upstream {
namespace {

std::shared_ptr<EndpointState> endpoint(uint16_t port) {
  return std::make_shared<EndpointState>(*net::Address::from_ip("127.0.0.1", port), "e", 1);
}

TEST(SharedContainer, CountsWhoIsHealthy) {
  SharedContainer shared({}, 1);
  EXPECT_EQ(shared.healthy_endpoints(), 0U);
  const EndpointList list{endpoint(1), endpoint(2), endpoint(3)};
  list[0]->check_failed = true;
  list[0]->ejected = true;
  list[1]->ejected = true;
  shared.set_endpoints(std::make_shared<const EndpointList>(list));
  EXPECT_EQ(shared.healthy_endpoints(), 1U);
  list[0]->check_failed = false;
  shared.recount_healthy();
  EXPECT_EQ(shared.healthy_endpoints(), 1U) << "ejected all the same";
}

TEST(SharedContainer, NamesOfBreakerStates) {
  EXPECT_EQ(breaker_state_name(BreakerState::kClosed), "closed");
  EXPECT_EQ(breaker_state_name(BreakerState::kOpen), "open");
  EXPECT_EQ(breaker_state_name(BreakerState::kHalfOpen), "half_open");
}

// For the thread sanitizer: the main thread changes what workers read.
TEST(SharedContainer, ReadWhileItChanges) {
  SharedContainer shared({}, 2);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    uint64_t seen = 0;
    while (!stop) {
      const std::shared_ptr<const EndpointList> list = shared.endpoints();
      for (const auto& one : *list) seen += one->healthy() ? 1 : 0;
      seen += shared.healthy_endpoints() + static_cast<uint64_t>(shared.breaker());
      shared.shard(1).requests.add(seen & 1);
    }
  });
  for (uint16_t i = 1; i < 500; ++i) {
    const auto one = endpoint(i);
    shared.set_endpoints(std::make_shared<const EndpointList>(EndpointList{one}));
    one->ejected = true;
    shared.recount_healthy();
    shared.set_breaker(BreakerState::kOpen);
    (void)shared.shards()[1].requests.value();
  }
  stop = true;
  worker.join();
}

}  // namespace
}  // namespace flagmesh::upstream
