#include "proxy/net/io_context.h"

#include <gtest/gtest.h>

#include "proxy/net/connection.h"
#include "tests/proxy/net/sockets.h"

namespace flagmesh::net {
namespace {

class Silent final : public ConnectionHandler {
 public:
  size_t on_bytes(std::string_view bytes) override { return bytes.size(); }
  void on_close(CloseCause, int) override {}
};

TEST(IoContext, WritesWhenTheCallbackEnds) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  Silent handler;
  Connection connection(io, handler);
  const auto [near, far] = tcp_pair();
  ASSERT_TRUE(connection.start(near));
  std::string before;
  loop->post([&] {
    connection.output().append("two ");
    connection.output().append("pieces");
    before = hear(far);
  });
  loop->run_once(100);
  EXPECT_EQ(before, "");
  EXPECT_EQ(hear(far), "two pieces");
  close(far);
}

// Sends back what comes to the connection it belongs to, and notes what had been sent on others by then.
class Echo final : public ConnectionHandler {
 public:
  size_t on_bytes(std::string_view bytes) override {
    if (when_bytes) when_bytes();
    connection->output().append(bytes);
    return bytes.size();
  }
  void on_close(CloseCause, int) override {
    ++closes;
    connection->close();
  }
  std::function<void()> when_bytes;
  Connection* connection = nullptr;
  int closes = 0;
};

struct EchoPair {
  explicit EchoPair(IoContext& io) : connection(io, handler) {
    handler.connection = &connection;
    const auto [near, other] = tcp_pair();
    far = other;
    started = connection.start(near).has_value();
  }
  ~EchoPair() { close(far); }
  Echo handler;
  Connection connection;
  int far = -1;
  bool started = false;
};

TEST(IoContext, CopiedOutputOfReadyDescriptorsGoesOutTogether) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  EchoPair first(io), second(io);
  ASSERT_TRUE(first.started && second.started);
  loop->run_once(0);
  size_t early = 0;
  const auto look = [&] { early += hear(first.far).size() + hear(second.far).size(); };
  first.handler.when_bytes = second.handler.when_bytes = look;
  ASSERT_EQ(write(first.far, "one", 3), 3);
  ASSERT_EQ(write(second.far, "two", 3), 3);
  loop->run_once(100);
  EXPECT_EQ(early, 0u);
  EXPECT_EQ(hear(first.far), "one");
  EXPECT_EQ(hear(second.far), "two");
}

// Makes a byte for a connection when a callback ends.
struct ByteMaker final : FlushTask {
  explicit ByteMaker(Connection& to) : connection(to) {}
  void before_flush() override { connection.output().append("x"); }
  Connection& connection;
};

TEST(IoContext, WhatIsMadeWhenCallbacksEndGoesOutTogether) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  EchoPair first(io), second(io), third(io);
  ASSERT_TRUE(first.started && second.started && third.started);
  loop->run_once(0);
  ByteMaker maker(third.connection);
  std::string early;
  first.handler.when_bytes = second.handler.when_bytes = [&] {
    early += hear(third.far);
    io.before_flush(maker);
  };
  ASSERT_EQ(write(first.far, "one", 3), 3);
  ASSERT_EQ(write(second.far, "two", 3), 3);
  loop->run_once(100);
  EXPECT_EQ(early, "");
  EXPECT_EQ(hear(third.far), "xx");
}

TEST(IoContext, BorrowedOutputGoesOutBeforeTheNextCallback) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  EchoPair first(io), second(io);
  ASSERT_TRUE(first.started && second.started);
  loop->run_once(0);
  const std::string long_text(Output::kBorrowBytes, 'x');
  std::string heard;
  int callbacks = 0;
  const auto borrow = [&](EchoPair& pair) {
    return [&, at = &pair] {
      if (++callbacks == 2) heard = hear(first.far) + hear(second.far);
      at->connection.output().borrow(long_text);
    };
  };
  first.handler.when_bytes = borrow(first);
  second.handler.when_bytes = borrow(second);
  ASSERT_EQ(write(first.far, "one", 3), 3);
  ASSERT_EQ(write(second.far, "two", 3), 3);
  loop->run_once(100);
  ASSERT_EQ(callbacks, 2);
  EXPECT_EQ(heard.size(), long_text.size() + 3);
}

TEST(IoContext, AFewCallbacksAtTheMostWait) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  std::vector<std::unique_ptr<EchoPair>> pairs;
  for (unsigned i = 0; i < limits::kCallbacksPerFlush + 4; ++i) pairs.push_back(std::make_unique<EchoPair>(io));
  loop->run_once(0);
  unsigned callbacks = 0, sent_at = 0;
  const auto look = [&] {
    ++callbacks;
    for (const auto& pair : pairs) {
      if (sent_at == 0 && !hear(pair->far).empty()) sent_at = callbacks;
    }
  };
  for (const auto& pair : pairs) {
    pair->handler.when_bytes = look;
    ASSERT_EQ(write(pair->far, "x", 1), 1);
  }
  loop->run_once(100);
  EXPECT_EQ(callbacks, pairs.size());
  EXPECT_EQ(sent_at, limits::kCallbacksPerFlush + 1);
}

// What waits to go out is not lost when the connection's own end is next in the same turn, nor when another thread's task comes.
TEST(IoContext, OutputGoesBeforeTheConnectionsNextCallback) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  EchoPair first(io), second(io);
  ASSERT_TRUE(first.started && second.started);
  loop->run_once(0);
  first.handler.when_bytes = [&] { second.connection.output().append("for the second"); };
  ASSERT_EQ(write(first.far, "x", 1), 1);
  shutdown(second.far, SHUT_WR);
  loop->run_once(100);
  EXPECT_EQ(second.handler.closes, 1);
  EXPECT_EQ(hear(second.far), "for the second");
}

TEST(IoContext, OutputGoesBeforeAPostedTask) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  EchoPair pair(io);
  ASSERT_TRUE(pair.started);
  loop->run_once(0);
  std::string heard;
  ASSERT_EQ(write(pair.far, "x", 1), 1);
  loop->post([&] { heard = hear(pair.far); });
  loop->run_once(100);
  EXPECT_EQ(heard, "x");
}

TEST(IoContext, AConnectionThatDiesUnflushedLeavesTheList) {
  auto loop = *event::Loop::create();
  IoContext io(*loop);
  Silent handler;
  const auto [near_a, far_a] = tcp_pair();
  const auto [near_b, far_b] = tcp_pair();
  const auto [near_c, far_c] = tcp_pair();
  Connection a(io, handler);
  auto b = std::make_unique<Connection>(io, handler);
  Connection c(io, handler);
  ASSERT_TRUE(a.start(near_a) && b->start(near_b) && c.start(near_c));
  a.output().append("a");
  b->output().append("b");
  c.output().append("c");
  b.reset();
  io.flush();
  EXPECT_TRUE(run_until(*loop, [&, a_fd = far_a] { return hear(a_fd) == "a"; }));
  EXPECT_TRUE(run_until(*loop, [&, c_fd = far_c] { return hear(c_fd) == "c"; }));
  for (const int fd : {far_a, far_b, far_c}) close(fd);
}

}  // namespace
}  // namespace flagmesh::net
