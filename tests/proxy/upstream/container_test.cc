#include "proxy/upstream/container.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/proxy/upstream/fixture.h"

namespace flagmesh::upstream {
namespace {

class ContainerTest : public UpstreamTest {
 protected:
  Origin origin;
  Origin other;
};

// --- Admission
// ---------------------------------------------------------------------------------------------------------

TEST_F(ContainerTest, TooFewHealthyEndpointsIsADenial) {
  make({.min_healthy = 2}, {endpoint(origin.address()), endpoint(other.address())});
  EXPECT_EQ(container->check_health(), Denial::kNone);
  (*shared->endpoints())[0]->check_failed = true;
  shared->recount_healthy();
  EXPECT_EQ(container->check_health(), Denial::kUnhealthy);
}

TEST_F(ContainerTest, MaxRequestsAreCountedAndGivenBack) {
  make({.circuit_breaker = {.max_requests = 2}}, {endpoint(origin.address())});
  bool trial = true;
  EXPECT_EQ(container->enter_breaker(trial), Denial::kNone);
  EXPECT_FALSE(trial);
  EXPECT_EQ(container->enter_breaker(trial), Denial::kNone);
  EXPECT_EQ(container->enter_breaker(trial), Denial::kTooManyRequests);
  EXPECT_EQ(container->stats().overflows.value(), 1U);
  container->release_admission(false);
  EXPECT_EQ(container->enter_breaker(trial), Denial::kNone);
  EXPECT_EQ(container->stats().active_requests.value(), 2U);
}

TEST_F(ContainerTest, AHalfOpenBreakerAdmitsOneTrialAtATime) {
  make({}, {endpoint(origin.address())});
  bool trial = false;
  shared->set_breaker(BreakerState::kOpen);
  EXPECT_EQ(container->enter_breaker(trial), Denial::kBreakerOpen);
  shared->set_breaker(BreakerState::kHalfOpen);
  EXPECT_EQ(container->enter_breaker(trial), Denial::kNone);
  EXPECT_TRUE(trial);
  bool second = false;
  EXPECT_EQ(container->enter_breaker(second), Denial::kBreakerOpen);
  container->end_trial();  // it has its outcome, and goes on as a long response
  EXPECT_EQ(container->enter_breaker(second), Denial::kNone);
  EXPECT_TRUE(second);
  container->release_admission(false);
  EXPECT_TRUE(shared->trial_running) << "of the second one";
  container->release_admission(true);
  EXPECT_FALSE(shared->trial_running);
}

TEST_F(ContainerTest, ATrialThatIsOverTheLimitGivesItsPlaceBack) {
  make({.circuit_breaker = {.max_requests = 0}}, {endpoint(origin.address())});
  shared->set_breaker(BreakerState::kHalfOpen);
  bool trial = false;
  EXPECT_EQ(container->enter_breaker(trial), Denial::kTooManyRequests);
  EXPECT_FALSE(shared->trial_running);
}

// --- Balancing
// ---------------------------------------------------------------------------------------------------------

class BalancingTest : public ContainerTest,
                      public testing::WithParamInterface<snapshot::LoadBalancing> {
 protected:
  // Where so many attempts go.
  std::map<std::string, int> spread(int count, const Endpoint* avoid = nullptr) {
    std::map<std::string, int> result;
    for (int i = 0; i < count; ++i) {
      auto one = attempt(avoid, true);
      ++result[one->connection->endpoint().state->name];
      one->connection->cancel();
    }
    return result;
  }
  Endpoint* endpoint_at(const net::Address& at) {
    while (true) {
      auto one = attempt();
      Endpoint& found = one->connection->endpoint();
      one->connection->cancel();
      if (found.state->address == at) return &found;
    }
  }
};

TEST_P(BalancingTest, EveryHealthyOneHasItsTurnAndASickOneHasNone) {
  Origin third;
  make({.load_balancing = GetParam()},
       {endpoint(origin.address()), endpoint(other.address()), endpoint(third.address())});
  (*shared->endpoints())[2]->ejected = true;
  const auto seen = spread(60);
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_FALSE(seen.contains(third.address().text()));
}

TEST_P(BalancingTest, TheOneToAvoidIsAvoidedWhileAnotherIsHealthy) {
  make({.load_balancing = GetParam()}, {endpoint(origin.address()), endpoint(other.address())});
  const Endpoint* avoid = endpoint_at(origin.address());
  EXPECT_EQ(spread(20, avoid), (std::map<std::string, int>{{other.address().text(), 20}}));
}

// Regression: a sick one was taken by chance, though the one to avoid was the only healthy one.
TEST_P(BalancingTest, TheOneToAvoidIsBetterThanASickOne) {
  make({.load_balancing = GetParam()},
       {endpoint(origin.address(), 2), endpoint(other.address(), 1)});
  const Endpoint* avoid = endpoint_at(origin.address());
  (*shared->endpoints())[1]->check_failed = true;
  EXPECT_EQ(spread(20, avoid), (std::map<std::string, int>{{origin.address().text(), 20}}));
}

TEST_P(BalancingTest, WithNobodyHealthyAnyIsTried) {
  make({.load_balancing = GetParam()}, {endpoint(origin.address()), endpoint(other.address())});
  for (const auto& e : *shared->endpoints()) e->check_failed = true;
  EXPECT_EQ(spread(20).size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(All, BalancingTest,
                         testing::Values(snapshot::LoadBalancing::kRoundRobin,
                                         snapshot::LoadBalancing::kLeastRequest,
                                         snapshot::LoadBalancing::kRandom));

TEST_F(ContainerTest, WeightsAreExactOverARound) {
  make({}, {endpoint(origin.address(), 3), endpoint(other.address(), 1)});
  std::map<std::string, int> seen;
  for (int i = 0; i < 40; ++i) {
    auto one = attempt(nullptr, true);
    ++seen[one->connection->endpoint().state->name];
    one->connection->cancel();
  }
  EXPECT_EQ(seen[origin.address().text()], 30);
}

TEST_F(ContainerTest, LeastRequestGoesWhereLessIsUnderWay) {
  make({.load_balancing = snapshot::LoadBalancing::kLeastRequest},
       {endpoint(origin.address(), 1), endpoint(other.address(), 2)});
  std::map<std::string, int> seen;
  std::vector<std::unique_ptr<Attempt>> held;
  for (int i = 0; i < 9; ++i) {
    held.push_back(attempt(nullptr, true));
    ++seen[held.back()->connection->endpoint().state->name];
  }
  EXPECT_EQ(seen[other.address().text()], 6);
  for (const auto& one : held) one->connection->cancel();
}

// --- Connections
// -------------------------------------------------------------------------------------------------------

TEST_F(ContainerTest, AConnectionIsUsedAgain) {
  make({}, {endpoint(origin.address())});
  warm(origin);
  const auto second = attempt();
  EXPECT_TRUE(second->ready);
  EXPECT_TRUE(static_cast<UpstreamConnection*>(second->connection)->reused());
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return second->ended; }));
  EXPECT_EQ(second->body, "ok");
  EXPECT_EQ(origin.accepted(), 1U);
  EXPECT_EQ(container->stats().connections_opened.value(), 1U);
}

TEST_F(ContainerTest, FreshIsFresh) {
  make({}, {endpoint(origin.address())});
  warm(origin);
  const auto second = attempt(nullptr, true);
  answer(origin, 1);
  ASSERT_TRUE(until([&] { return second->ended; }));
}

// Regression: at the limit, `fresh` got a kept connection, which may be as dead as the one before.
TEST_F(ContainerTest, FreshIsFreshAtTheLimitToo) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  warm(origin);
  const auto second = attempt(nullptr, true);
  EXPECT_FALSE(second->ready);
  answer(origin, 1);
  ASSERT_TRUE(until([&] { return second->ended; }));
  EXPECT_EQ(container->stats().active_connections.value(), 1U);
}

TEST_F(ContainerTest, WithoutEndpointsItFailsAtOnce) {
  make({}, {});
  EXPECT_EQ(attempt()->failures, std::vector{Failure::kConnect});
}

TEST_F(ContainerTest, ARefusedConnectionIsAFailureOnALaterTurn) {
  make({}, {endpoint(origin.address())});
  origin.stop();
  const auto one = attempt();
  ASSERT_TRUE(until([&] { return !one->failures.empty(); }));
  EXPECT_EQ(one->failures, std::vector{Failure::kConnect});
  EXPECT_EQ(container->stats().connect_failures.value(), 1U);
  EXPECT_EQ(container->stats().active_connections.value(), 0U);
}

TEST_F(ContainerTest, IdleConnectionsEndAfterTheirTime) {
  make({.idle_timeout = 30}, {endpoint(origin.address())});
  warm(origin);
  char byte = 0;
  EXPECT_TRUE(until([&] { return recv(origin.connections[0], &byte, 1, MSG_DONTWAIT) == 0; }));
  EXPECT_EQ(container->stats().active_connections.value(), 0U);
}

// --- The queue
// ---------------------------------------------------------------------------------------------------------

TEST_F(ContainerTest, AtTheLimitAttemptsWaitInOrder) {
  make({.circuit_breaker = {.max_connections = 1, .max_pending = 2}}, {endpoint(origin.address())});
  const auto first = attempt();
  const auto second = attempt();
  const auto third = attempt();
  const auto fourth = attempt();
  EXPECT_TRUE(second->queued && third->queued);
  EXPECT_EQ(fourth->failures, std::vector{Failure::kOverflow});
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return first->ended && second->ready; }));
  EXPECT_FALSE(third->ready);
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return third->ready; }));
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return third->ended; }));
  EXPECT_EQ(origin.accepted(), 1U);
  EXPECT_FALSE(shared->connections.wanted());
}

TEST_F(ContainerTest, ANewAttemptDoesNotOvertakeTheQueue) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  const auto first = attempt();
  const auto second = attempt();
  ASSERT_TRUE(until([&] { return first->ready; }));
  first->connection->cancel();  // a place is free, and the queue is served at the end of the turn
  const auto third = attempt();
  EXPECT_TRUE(third->queued);
  ASSERT_TRUE(until([&] { return second->ready; }));
  EXPECT_FALSE(third->ready);
  container->cancel_pending(*third);
  second->connection->cancel();
}

// Regression: nobody knew the connection that was being opened for an attempt out of the queue.
// Given up, the attempt was called all the same.
TEST_F(ContainerTest, AnAttemptOutOfTheQueueCanBeGivenUpWhileItsConnectionOpens) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  const auto first = attempt();
  auto second = attempt();
  ASSERT_TRUE(second->queued);
  ASSERT_TRUE(until([&] { return first->ready; }));
  first->connection->cancel();
  ASSERT_TRUE(until([&] { return !second->queued; }));
  ASSERT_NE(second->connection, nullptr);
  if (!second->ready) second->connection->cancel();
  if (second->ready) second->connection->cancel();
  second.reset();
  net::turns(*loop, 10);
  EXPECT_EQ(container->stats().active_connections.value(), 0U);
}

// Regression: a worker without a connection of its own was never told that another one had given
// its place back.
TEST_F(ContainerTest, AQueueIsServedWhenAnotherWorkerGivesAPlaceBack) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  Lease elsewhere(shared->connections);
  ASSERT_TRUE(elsewhere.acquire());
  const auto one = attempt();
  EXPECT_TRUE(one->queued);
  EXPECT_TRUE(shared->connections.wanted());
  net::turns(*loop);
  elsewhere.release();
  ASSERT_TRUE(until([&] { return one->ready; }));
  one->connection->cancel();
}

// A kept connection would hold the only place for as long as it may idle.
TEST_F(ContainerTest, AConnectionIsNotKeptWhileAnotherWorkerWaitsForAPlace) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  const auto one = attempt();
  shared->connections.want();
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return one->ended; }));
  Lease elsewhere(shared->connections);
  EXPECT_TRUE(elsewhere.acquire());
  elsewhere.release();
  shared->connections.unwant();
}

// Regression: seen as answers after idle_timeout, with two workers and max_connections 1.
TEST_F(ContainerTest, IdleConnectionsAreClosedWhenAnotherWorkerWaitsForAPlace) {
  make({.circuit_breaker = {.max_connections = 1}, .idle_timeout = 60'000},
       {endpoint(origin.address())});
  warm(origin);
  Lease elsewhere(shared->connections);
  EXPECT_FALSE(elsewhere.acquire());
  shared->connections.want();
  EXPECT_TRUE(until([&] { return elsewhere.acquire(); }));
  shared->connections.unwant();
  elsewhere.release();
}

TEST_F(ContainerTest, AQueueWithoutEndpointsFails) {
  make({.circuit_breaker = {.max_connections = 1}}, {endpoint(origin.address())});
  const auto first = attempt();
  const auto second = attempt();
  ASSERT_TRUE(second->queued);
  shared->set_endpoints(std::make_shared<const EndpointList>());
  container->refresh_endpoints();
  ASSERT_TRUE(until([&] { return !second->failures.empty(); }));
  EXPECT_EQ(second->failures, std::vector{Failure::kConnect});
  if (first->connection != nullptr) first->connection->cancel();
}

// --- Endpoints that change, containers that go
// -----------------------------------------------------------------------------

TEST_F(ContainerTest, ARefreshKeepsWhatStays) {
  const auto stays = endpoint(origin.address());
  make({}, {stays});
  warm(origin);
  shared->set_endpoints(
      std::make_shared<const EndpointList>(EndpointList{endpoint(other.address()), stays}));
  container->refresh_endpoints();
  EXPECT_EQ(shared->healthy_endpoints(), 2U);
  bool reused = false;
  for (int i = 0; i < 2; ++i) {
    const auto one = attempt();
    reused |= one->ready;
    one->connection->cancel();
  }
  EXPECT_TRUE(reused);
}

TEST_F(ContainerTest, ARemovedEndpointFinishesItsRequestAndClosesItsConnections) {
  make({}, {endpoint(origin.address())});
  warm(origin);
  const auto busy = attempt();
  shared->set_endpoints(
      std::make_shared<const EndpointList>(EndpointList{endpoint(other.address())}));
  container->refresh_endpoints();
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return busy->ended; }));
  EXPECT_EQ(busy->body, "ok");
  char byte = 0;
  EXPECT_TRUE(until([&] { return recv(origin.connections[0], &byte, 1, MSG_DONTWAIT) == 0; }));
  // Nothing uses it any more: the next change lets go of it.
  const std::weak_ptr<EndpointState> gone =
      busy->failures.empty() ? shared->endpoints()->front() : nullptr;
  for (int i = 0; i < 2; ++i) {
    shared->set_endpoints(
        std::make_shared<const EndpointList>(EndpointList{endpoint(origin.address())}));
    container->refresh_endpoints();
  }
  EXPECT_TRUE(gone.expired());
}

TEST_F(ContainerTest, ARetiredContainerClosesIdleConnectionsAndTheOthersWhenDone) {
  make({}, {endpoint(origin.address())});
  warm(origin);
  const auto busy = attempt(nullptr, true);
  container->retire();
  answer(origin, 1);
  ASSERT_TRUE(until([&] { return busy->ended; }));
  EXPECT_TRUE(until([&] { return container->stats().active_connections.value() == 0; }));
}

TEST_F(ContainerTest, AContainerLivesUntilItsLastConnectionEnds) {
  make({}, {endpoint(origin.address())});
  const auto busy = attempt();
  container->retire();
  container->release_ref();
  container = nullptr;
  answer(origin, 0);
  ASSERT_TRUE(until([&] { return busy->ended; }));
  net::turns(*loop);
  EXPECT_EQ(shared->shard(0).active_connections.value(), 0U);
  EXPECT_EQ(shared.use_count(), 1) << "the container is gone";
}

// --- Outliers
// ----------------------------------------------------------------------------------------------------------

TEST_F(ContainerTest, ConsecutiveErrorsAreReportedAndASuccessBeginsAnew) {
  int reports = 0;
  context.report_context = &reports;
  context.report_outlier = [](void* count, SharedContainer&, EndpointState&) {
    ++*static_cast<int*>(count);
  };
  make({.outlier_detection = {.consecutive_errors = 3}}, {endpoint(origin.address())});
  Endpoint one{.state = (*shared->endpoints())[0]};
  for (const bool success : {false, false, true, false, false}) container->record(one, success);
  EXPECT_EQ(reports, 0);
  container->record(one, false);
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(container->stats().requests.value(), 6U);
  EXPECT_EQ(container->stats().failures.value(), 5U);
}

}  // namespace
}  // namespace flagmesh::upstream
