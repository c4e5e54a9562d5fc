#include "proxy/upstream/upstream_connection.h"

#include <gtest/gtest.h>

#include "tests/proxy/upstream/fixture.h"

namespace flagmesh::upstream {
namespace {

class UpstreamConnectionTest : public UpstreamTest {
 protected:
  void SetUp() override { make({}, {endpoint(origin.address())}); }
  // A request that has reached the origin.
  std::unique_ptr<Attempt> asked() {
    auto one = attempt();
    EXPECT_TRUE(until([&] { return origin.accepted() > 0; }));
    std::string heard;
    EXPECT_TRUE(until([&] { return (heard += net::hear(fd())).ends_with("\r\n\r\n"); }));
    return one;
  }
  int fd() { return origin.connections.back(); }
  uint64_t open() { return container->stats().active_connections.value(); }
  Origin origin;
};

TEST_F(UpstreamConnectionTest, InPiecesOfOneByte) {
  const auto one = asked();
  for (const char c : std::string_view(
           "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    net::say(fd(), {&c, 1});
    net::turns(*loop, 2);
  }
  ASSERT_TRUE(until([&] { return one->ended; }));
  EXPECT_EQ(one->interims, 1);
  EXPECT_EQ(one->body, "abcde");
  EXPECT_EQ(open(), 1U);
}

TEST_F(UpstreamConnectionTest, UntilCloseEndsWithAnOrderlyClose) {
  const auto one = asked();
  net::say(fd(), "HTTP/1.0 200 OK\r\n\r\nall of it");
  shutdown(fd(), SHUT_WR);
  ASSERT_TRUE(until([&] { return one->ended; }));
  EXPECT_EQ(one->body, "all of it");
  EXPECT_EQ(open(), 0U);
}

TEST_F(UpstreamConnectionTest, ConnectionCloseIsNotUsedAgain) {
  const auto one = asked();
  net::say(fd(), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(until([&] { return one->ended; }));
  EXPECT_EQ(open(), 0U);
}

TEST_F(UpstreamConnectionTest, BytesBehindTheResponseEndTheConnection) {
  const auto one = asked();
  net::say(fd(), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n");
  ASSERT_TRUE(until([&] { return one->ended; }));
  EXPECT_EQ(one->body, "x");
  EXPECT_EQ(open(), 0U);
}

TEST_F(UpstreamConnectionTest, AnAnswerToNothingEndsTheConnection) {
  warm(origin);
  net::say(fd(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(until([&] { return open() == 0; }));
}

TEST_F(UpstreamConnectionTest, AnIdleConnectionThatThePeerClosesIsGone) {
  warm(origin);
  shutdown(fd(), SHUT_WR);
  EXPECT_TRUE(until([&] { return open() == 0; }));
}

TEST_F(UpstreamConnectionTest, FailuresByWhatHadCome) {
  const struct {
    const char* sent;
    Failure failure;
  } cases[] = {
      {"", Failure::kReset},
      {"HTTP/1.1 2", Failure::kReset},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Failure::kTruncated},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", Failure::kTruncated},
      {"nonsense\r\n\r\n", Failure::kProtocol}};
  for (const auto& [sent, failure] : cases) {
    const auto one = asked();
    net::say(fd(), sent);
    shutdown(fd(), SHUT_RDWR);
    ASSERT_TRUE(until([&] { return !one->failures.empty(); })) << sent;
    EXPECT_EQ(one->failures, std::vector{failure}) << sent;
    EXPECT_FALSE(one->ended);
    EXPECT_EQ(open(), 0U);
  }
}

// Regression: a reset that comes together with bytes has no readiness of its own; the attempt hung
// until its timeout.
TEST_F(UpstreamConnectionTest, AResetRightBehindHalfAResponse) {
  const auto one = asked();
  net::say(fd(), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
  net::reset_and_close(fd());
  origin.connections.pop_back();
  ASSERT_TRUE(until([&] { return !one->failures.empty(); }));
  EXPECT_EQ(one->failures, std::vector{Failure::kTruncated});
}

TEST_F(UpstreamConnectionTest, AKeptConnectionThatClosedBeforeTheAnswerIsStale) {
  warm(origin);
  const auto second = asked();
  ASSERT_TRUE(second->ready);
  shutdown(fd(), SHUT_RDWR);
  ASSERT_TRUE(until([&] { return !second->failures.empty(); }));
  EXPECT_EQ(second->failures, std::vector{Failure::kStale});
}

TEST_F(UpstreamConnectionTest, GivenUpInsideACallback) {
  const auto one = asked();
  one->cancel_at_head = true;
  net::say(fd(), "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno");
  ASSERT_TRUE(until([&] { return one->status == 503; }));
  net::turns(*loop);
  EXPECT_EQ(one->body, "");
  EXPECT_FALSE(one->ended);
  EXPECT_TRUE(one->failures.empty());
  EXPECT_EQ(open(), 0U);
}

// Regression: a connection whose reader had paused it was kept as it was, and nobody read the next
// response.
TEST_F(UpstreamConnectionTest, APauseEndsWithItsRequest) {
  const auto one = asked();
  one->pause_at_data = true;
  net::say(fd(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(until([&] { return one->ended; }));
  const auto second = asked();
  ASSERT_TRUE(second->ready);
  net::say(fd(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(until([&] { return second->ended; }));
}

TEST_F(UpstreamConnectionTest, AConnectThatTakesTooLongFails) {
  // A full queue: the kernel drops the handshake.
  TearDown();
  const int full =
      *net::listen_on(*net::Address::parse("127.0.0.1:0"), {.reuse_port = false, .backlog = 0});
  const net::Address where = *net::bound_address(full);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)connect(fillers.back(), where.data(), where.size());
  }
  make({.connect_timeout = 30}, {endpoint(where)});
  const auto one = attempt();
  ASSERT_TRUE(until([&] { return !one->failures.empty(); }));
  EXPECT_EQ(one->failures, std::vector{Failure::kConnectTimeout});
  for (const int filler : fillers) close(filler);
  close(full);
}

}  // namespace
}  // namespace flagmesh::upstream
