#include "proxy/upstream/breaker_monitor.h"

#include <gtest/gtest.h>

namespace flagmesh::upstream {
namespace {

std::shared_ptr<SharedContainer> container_of(snapshot::ContainerSpec spec, int endpoints = 1) {
  auto shared = std::make_shared<SharedContainer>(std::move(spec), 2);
  EndpointList list;
  for (int i = 0; i < endpoints; ++i) {
    const auto port = static_cast<uint16_t>(1000 + i);
    list.push_back(
        std::make_shared<EndpointState>(*net::Address::from_ip("127.0.0.1", port), "e", 1));
  }
  shared->set_endpoints(std::make_shared<const EndpointList>(std::move(list)));
  return shared;
}

class BreakerTest : public testing::Test {
 protected:
  void count(uint64_t requests, uint64_t failures) {
    // Split over both workers: the sum counts.
    shared->shard(0).requests.add(requests / 2);
    shared->shard(1).requests.add(requests - requests / 2);
    shared->shard(1).failures.add(failures);
  }
  void tick(MonoMs after = BreakerWindow::kTickMs) {
    now += after;
    window.tick(now);
  }
  std::shared_ptr<SharedContainer> shared =
      container_of({.circuit_breaker = {
                        .error_rate = 0.5, .window = 1'000, .min_requests = 10, .open_for = 500}});
  BreakerWindow window{shared};
  MonoMs now = 1'000;
};

TEST_F(BreakerTest, OpensAtTheRateAndNotBelow) {
  count(20, 9);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed);
  count(0, 1);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kOpen);
}

TEST_F(BreakerTest, FewRequestsNeverOpenIt) {
  count(9, 9);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed);
}

TEST_F(BreakerTest, WhatIsOlderThanTheWindowDoesNotCount) {
  count(9, 9);
  for (int i = 0; i < 11; ++i) tick();
  count(9, 9);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed);
}

TEST_F(BreakerTest, HalfOpensAfterItsTimeAndClosesAfterThreeSuccesses) {
  count(10, 10);
  tick();
  tick(499);
  EXPECT_EQ(shared->breaker(), BreakerState::kOpen);
  tick(1);
  EXPECT_EQ(shared->breaker(), BreakerState::kHalfOpen);
  count(2, 0);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kHalfOpen);
  count(1, 0);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed) << "old failures are forgotten";
}

TEST_F(BreakerTest, AFailedTrialOpensItAgainForTheWholeTime) {
  count(10, 10);
  tick();
  tick(500);
  count(1, 1);
  tick();
  EXPECT_EQ(shared->breaker(), BreakerState::kOpen);
  tick(499);
  EXPECT_EQ(shared->breaker(), BreakerState::kOpen);
  tick(1);
  EXPECT_EQ(shared->breaker(), BreakerState::kHalfOpen);
}

TEST_F(BreakerTest, ARateOfZeroNeverOpens) {
  shared = container_of({.circuit_breaker = {.error_rate = 0, .min_requests = 1}});
  BreakerWindow off(shared);
  count(100, 100);
  off.tick(now);
  EXPECT_EQ(shared->breaker(), BreakerState::kClosed);
}

class EjectionTest : public testing::Test {
 protected:
  void set_up(int endpoints, uint32_t percent) {
    shared = container_of(
        {.outlier_detection = {.base_ejection = 1'000, .max_ejection_percent = percent}},
        endpoints);
    monitor.set_containers({shared});
  }
  void report(size_t which, MonoMs now) {
    monitor.report_outlier(shared, (*shared->endpoints())[which].get(), now);
  }
  bool ejected(size_t which) { return (*shared->endpoints())[which]->ejected; }
  std::shared_ptr<SharedContainer> shared;
  ContainerMonitor monitor;
};

TEST_F(EjectionTest, AnOutlierIsOutForAWhileAndLongerTheNextTime) {
  set_up(4, 50);
  report(0, 0);
  EXPECT_TRUE(ejected(0));
  EXPECT_EQ(shared->healthy_endpoints(), 3U);
  monitor.tick(999);
  EXPECT_TRUE(ejected(0));
  monitor.tick(1'000);
  EXPECT_FALSE(ejected(0));
  EXPECT_EQ(shared->healthy_endpoints(), 4U);
  report(0, 2'000);
  monitor.tick(3'999);
  EXPECT_TRUE(ejected(0));
  monitor.tick(4'000);
  EXPECT_FALSE(ejected(0));
}

TEST_F(EjectionTest, OldTroubleIsForgotten) {
  set_up(4, 50);
  report(0, 0);
  monitor.tick(1'000);
  monitor.tick(11'000);
  report(0, 20'000);
  monitor.tick(21'000);
  EXPECT_FALSE(ejected(0)) << "as long as the first time";
}

TEST_F(EjectionTest, NeverMoreThanTheShareAndNeverTheOnlyOne) {
  set_up(4, 50);
  for (size_t i = 0; i < 4; ++i) report(i, 0);
  EXPECT_EQ(shared->healthy_endpoints(), 2U);
  set_up(3, 10);
  for (size_t i = 0; i < 3; ++i) report(i, 0);
  EXPECT_EQ(shared->healthy_endpoints(), 2U) << "one may always go";
  set_up(1, 100);
  report(0, 0);
  EXPECT_EQ(shared->healthy_endpoints(), 1U);
}

TEST_F(EjectionTest, AnEndpointThatIsGoneMeanwhileIsIgnored) {
  set_up(2, 50);
  const std::shared_ptr<EndpointState> gone = (*shared->endpoints())[0];
  shared->set_endpoints(
      std::make_shared<const EndpointList>(EndpointList{(*shared->endpoints())[1]}));
  monitor.report_outlier(shared, gone.get(), 0);
  EXPECT_FALSE(gone->ejected);
  monitor.tick(10);
}

TEST_F(EjectionTest, AContainerThatIsGoneMeanwhileIsIgnored) {
  set_up(2, 50);
  const std::shared_ptr<const EndpointList> endpoints = shared->endpoints();
  report(0, 0);
  monitor.set_containers({});
  shared.reset();
  monitor.tick(1'000);
  EXPECT_FALSE((*endpoints)[0]->ejected);
}

// A reload that keeps a container keeps its window.
TEST(ContainerMonitor, AKnownContainerKeepsItsWindow) {
  const auto shared = container_of({.circuit_breaker = {.error_rate = 0.5, .min_requests = 10}});
  ContainerMonitor monitor;
  monitor.set_containers({shared});
  shared->shard(0).requests.add(10);
  shared->shard(0).failures.add(10);
  monitor.set_containers({container_of({}), shared});
  monitor.tick(100);
  EXPECT_EQ(shared->breaker(), BreakerState::kOpen);
}

}  // namespace
}  // namespace flagmesh::upstream
