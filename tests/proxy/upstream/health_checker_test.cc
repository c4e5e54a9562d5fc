#include "proxy/upstream/health_checker.h"

#include <gtest/gtest.h>

#include "tests/proxy/upstream/fixture.h"

namespace flagmesh::upstream {
namespace {

class HealthCheckerTest : public testing::Test {
 protected:
  std::shared_ptr<SharedContainer> container_of(snapshot::HealthCheckSpec check) {
    auto shared =
        std::make_shared<SharedContainer>(snapshot::ContainerSpec{.health_check = check}, 1);
    const auto one = std::make_shared<EndpointState>(origin.address(), origin.address().text(), 1);
    shared->set_endpoints(std::make_shared<const EndpointList>(EndpointList{one}));
    return shared;
  }
  // Answers each check that comes with `response` until `done`.
  bool serve(std::string_view response, std::function<bool()> done) {
    size_t answered = origin.connections.size();
    return net::run_until(*loop, [&] {
      for (const size_t all = origin.accepted(); answered < all; ++answered) {
        net::say(origin.connections[answered], response);
        shutdown(origin.connections[answered], SHUT_WR);
      }
      return done();
    });
  }
  static constexpr snapshot::HealthCheckSpec kFast{
      .path = "/ready", .interval = 20, .timeout = 100, .unhealthy_after = 2, .healthy_after = 2};
  static constexpr std::string_view kGood = "HTTP/1.1 204 No Content\r\n\r\n";
  static constexpr std::string_view kBad = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  net::IoContext io{*loop};
  Origin origin;
  HealthChecker checker{io};
};

TEST_F(HealthCheckerTest, GoesDownAfterFailuresAndUpAfterSuccesses) {
  const auto shared = container_of(kFast);
  checker.set_containers({shared});
  EXPECT_EQ(shared->healthy_endpoints(), 1U) << "until it is known better";
  ASSERT_TRUE(serve(kBad, [&] { return shared->healthy_endpoints() == 0; }));
  EXPECT_GE(origin.connections.size(), 2U);
  const size_t before = origin.connections.size();
  ASSERT_TRUE(serve(kGood, [&] { return shared->healthy_endpoints() == 1; }));
  EXPECT_GE(origin.connections.size(), before + 2);
}

TEST_F(HealthCheckerTest, AsksAsConfigured) {
  const auto shared = container_of(kFast);
  checker.set_containers({shared});
  ASSERT_TRUE(net::run_until(*loop, [&] { return origin.accepted() == 1; }));
  std::string heard;
  ASSERT_TRUE(net::run_until(
      *loop, [&] { return (heard += net::hear(origin.connections[0])).ends_with("\r\n\r\n"); }));
  EXPECT_TRUE(heard.starts_with("GET /ready HTTP/1.1\r\nHost: " + origin.address().text() + "\r\n"))
      << heard;
}

TEST_F(HealthCheckerTest, SilenceRefusalAndNonsenseAreFailures) {
  const auto silent = container_of({.interval = 20, .timeout = 20, .unhealthy_after = 2});
  checker.set_containers({silent});
  EXPECT_TRUE(net::run_until(*loop, [&] { return silent->healthy_endpoints() == 0; }));
  const auto nonsense = container_of(kFast);
  checker.set_containers({nonsense});
  EXPECT_TRUE(serve("220 mail\r\n\r\n", [&] { return nonsense->healthy_endpoints() == 0; }));
  const auto refused = container_of(kFast);
  origin.stop();
  checker.set_containers({refused});
  EXPECT_TRUE(net::run_until(*loop, [&] { return refused->healthy_endpoints() == 0; }));
}

TEST_F(HealthCheckerTest, AHeadInPiecesBehindAnInterimResponse) {
  const auto shared = container_of(kFast);
  (*shared->endpoints())[0]->check_failed = true;
  shared->recount_healthy();
  checker.set_containers({shared});
  size_t answered = 0;
  EXPECT_TRUE(net::run_until(*loop, [&] {
    for (const size_t all = origin.accepted(); answered < all; ++answered) {
      for (const char c :
           std::string_view("HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 OK\r\nServer: x\r\n\r\n")) {
        net::say(origin.connections[answered], {&c, 1});
        net::turns(*loop, 1);
      }
    }
    return shared->healthy_endpoints() == 1;
  }));
}

TEST_F(HealthCheckerTest, KeepsTheProbeOfWhatStaysAndEndsThatOfWhatGoes) {
  const auto shared = container_of({.interval = 60'000, .timeout = 60'000});
  checker.set_containers({shared});
  checker.set_containers({shared});
  checker.set_containers({});  // before its first check
  net::turns(*loop, 10);
  EXPECT_EQ(origin.accepted(), 0U);
}

TEST_F(HealthCheckerTest, WithoutAHealthCheckNobodyIsAsked) {
  auto shared = std::make_shared<SharedContainer>(snapshot::ContainerSpec{}, 1);
  const auto one = std::make_shared<EndpointState>(origin.address(), "e", 1);
  shared->set_endpoints(std::make_shared<const EndpointList>(EndpointList{one}));
  checker.set_containers({shared});
  net::turns(*loop, 10);
  EXPECT_EQ(origin.accepted(), 0U);
}

}  // namespace
}  // namespace flagmesh::upstream
