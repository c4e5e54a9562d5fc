#include "proxy/net/connection.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "tests/proxy/net/sockets.h"

namespace flagmesh::net {
namespace {

// Remembers what it was told; a test may add what it does in a callback.
class Recorder final : public ConnectionHandler {
 public:
  void on_connected() override {
    connected = true;
    if (when_connected) when_connected();
  }
  size_t on_bytes(std::string_view bytes) override {
    ++calls;
    if (when_bytes) return when_bytes(bytes);
    heard.append(bytes);
    return bytes.size();
  }
  void on_close(CloseCause cause, int error) override {
    closes.push_back(cause);
    last_error = error;
  }
  void on_write_ready() override { ++write_ready; }

  std::function<void()> when_connected;
  std::function<size_t(std::string_view)> when_bytes;
  std::string heard;
  std::vector<CloseCause> closes;
  bool connected = false;
  int calls = 0;
  int last_error = 0;
  int write_ready = 0;
};

class ConnectionTest : public testing::Test {
 protected:
  void pair(int buffer = 0) {
    const auto [near, far] = tcp_pair(buffer);
    ASSERT_TRUE(connection.start(near));
    peer = far;
  }
  void TearDown() override {
    if (peer >= 0) close(peer);
  }
  bool until(std::function<bool()> done) { return run_until(*loop, done); }

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  IoContext io{*loop};
  Recorder handler;
  Connection connection{io, handler};
  int peer = -1;
};

// --- Reading
// -----------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, BytesThatWereThereBeforeTheStartAreRead) {
  const auto [near, far] = tcp_pair();
  peer = far;
  say(peer, "early");
  ASSERT_TRUE(connection.start(near));
  EXPECT_TRUE(until([&] { return handler.heard == "early"; }));
}

TEST_F(ConnectionTest, WhatIsNotTakenIsShownAgainWithMoreBehindIt) {
  pair();
  std::vector<std::string> shown;
  handler.when_bytes = [&](std::string_view bytes) -> size_t {
    shown.emplace_back(bytes);
    return bytes.ends_with('!') ? bytes.size() : 1;
  };
  say(peer, "abc");
  ASSERT_TRUE(until([&] { return shown.size() == 1; }));
  EXPECT_EQ(connection.kept(), "bc");
  say(peer, "d!");
  ASSERT_TRUE(until([&] { return shown.size() == 2; }));
  EXPECT_EQ(shown[1], "bcd!");
  EXPECT_EQ(connection.kept(), "");
}

TEST_F(ConnectionTest, APauseStopsReadingAndAResumeShowsWhatWasKept) {
  pair();
  bool first = true;
  handler.when_bytes = [&](std::string_view bytes) -> size_t {
    if (first) {
      first = false;
      connection.pause(Connection::kPauseBusy);
      return 0;
    }
    handler.heard.append(bytes);
    return bytes.size();
  };
  say(peer, "one");
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  say(peer, "two");
  turns(*loop);
  EXPECT_EQ(handler.calls, 1);
  connection.pause(Connection::kPauseBackpressure);
  connection.resume(Connection::kPauseBusy);
  turns(*loop);
  EXPECT_EQ(handler.calls, 1) << "a reason is left";
  connection.resume(Connection::kPauseBackpressure);
  EXPECT_TRUE(until([&] { return handler.heard == "onetwo"; }));
}

TEST_F(ConnectionTest, MoreThanTheBudgetIsReadOverSeveralTurns) {
  pair();
  const std::string much(3 * limits::kReadBudgetBytes, 'x');
  size_t sent = 0;
  EXPECT_TRUE(until([&] {
    const ssize_t n =
        send(peer, much.data() + sent, much.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += static_cast<size_t>(n);
    return handler.heard.size() == much.size();
  }));
}

TEST_F(ConnectionTest, AnOrderlyEndIsToldOnceAfterTheBytes) {
  pair();
  say(peer, "bye");
  shutdown(peer, SHUT_WR);
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  EXPECT_EQ(handler.heard, "bye");
  EXPECT_EQ(handler.closes, std::vector{CloseCause::kPeer});
  EXPECT_TRUE(connection.is_open());
  connection.output().append("still here");
  io.flush();
  EXPECT_TRUE(until([&] { return hear(peer) == "still here"; }));
}

// Each time the kernel has room again it says that the peer closed, too.
TEST_F(ConnectionTest, AnOrderlyEndIsToldOnceWhileMuchIsStillWritten) {
  pair(16 * 1024);
  shutdown(peer, SHUT_WR);
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  connection.output().append(std::string(1 << 20, 'x'));
  io.flush();
  size_t got = 0;
  ASSERT_TRUE(until([&] { return (got += hear(peer).size()) == 1 << 20; }));
  EXPECT_EQ(handler.closes.size(), 1U);
  EXPECT_EQ(handler.write_ready, 1);
}

TEST_F(ConnectionTest, AResetIsAnError) {
  pair();
  turns(*loop);
  reset_and_close(peer);
  peer = -1;
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  EXPECT_EQ(handler.closes, std::vector{CloseCause::kError});
  EXPECT_FALSE(connection.is_open());
}

// epoll tells bytes and reset in one event.
TEST_F(ConnectionTest, AResetRightBehindBytesIsSeen) {
  pair();
  turns(*loop);
  say(peer, "half a");
  reset_and_close(peer);
  peer = -1;
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  EXPECT_EQ(handler.heard, "half a");
  EXPECT_EQ(handler.closes, std::vector{CloseCause::kError});
}

// --- Closing inside callbacks
// --------------------------------------------------------------------------------------------

// Regression: the end of writing gave kept bytes back while they were shown.
TEST_F(ConnectionTest, ClosingWhenWrittenWhileKeptBytesAreShown) {
  pair();
  handler.when_bytes = [&](std::string_view bytes) -> size_t {
    if (!bytes.ends_with('!')) return 0;
    connection.output().append("no");
    connection.close_when_written();
    handler.heard.append(bytes);
    return bytes.size();
  };
  say(peer, "what");
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  say(peer, "?!");
  ASSERT_TRUE(until([&] { return handler.calls == 2; }));
  EXPECT_EQ(handler.heard, "what?!");
  EXPECT_TRUE(until([&] { return hear(peer) == "no"; }));
}

TEST_F(ConnectionTest, ClosingWithNothingWrittenWhileKeptBytesAreShown) {
  pair();
  handler.when_bytes = [&](std::string_view bytes) -> size_t {
    if (!bytes.ends_with('!')) return 0;
    connection.close_when_written();
    handler.heard.append(bytes);  // still there
    return bytes.size();
  };
  say(peer, "what");
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  say(peer, "?!");
  ASSERT_TRUE(until([&] { return handler.calls == 2; }));
  EXPECT_EQ(handler.heard, "what?!");
}

// Regression: what another connection borrowed from kept bytes was freed when this one closed in
// the same callback.
TEST_F(ConnectionTest, KeptBytesLiveUntilWhoBorrowedThemHasWritten) {
  pair();
  const auto [near, far] = tcp_pair();
  Recorder other_handler;
  Connection other(io, other_handler);
  ASSERT_TRUE(other.start(near));
  handler.when_bytes = [&](std::string_view bytes) -> size_t {
    if (!bytes.ends_with('!')) return 0;
    other.output().borrow(bytes);
    connection.close();
    return 0;
  };
  const std::string piece(Output::kBorrowBytes, 'x');
  say(peer, piece);
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  say(peer, "!");
  std::string got;
  ASSERT_TRUE(until([&] { return (got += hear(far)).size() == piece.size() + 1; }));
  EXPECT_EQ(got, piece + "!");
  close(far);
}

TEST_F(ConnectionTest, NothingIsToldAfterClose) {
  pair();
  handler.when_bytes = [&](std::string_view bytes) {
    connection.close();
    return bytes.size();
  };
  say(peer, "x");
  ASSERT_TRUE(until([&] { return handler.calls == 1; }));
  turns(*loop);
  EXPECT_TRUE(handler.closes.empty());
  EXPECT_EQ(handler.calls, 1);
}

// --- Writing
// -----------------------------------------------------------------------------------------------------------

TEST_F(ConnectionTest, WhatTheKernelDoesNotTakeWaitsAndGoesOutInOrder) {
  pair(16 * 1024);
  std::string all;
  for (int i = 0; i < 200; ++i) all += std::string(5'000, static_cast<char>('a' + i % 26));
  for (size_t at = 0; at < all.size(); at += 5'000) {
    connection.output().borrow(std::string_view(all).substr(at, 5'000));
    if (at % 100'000 == 0) io.flush();
  }
  io.flush();
  EXPECT_GT(connection.waiting(), limits::kBufferLowWatermark);
  std::string got;
  ASSERT_TRUE(until([&] { return (got += hear(peer)).size() == all.size(); }));
  EXPECT_TRUE(got == all);
  EXPECT_EQ(connection.waiting(), 0U);
  EXPECT_EQ(handler.write_ready, 1);
}

TEST_F(ConnectionTest, CloseWhenWrittenSendsTheRestThenReadsAndDropsToTheEnd) {
  pair(16 * 1024);
  connection.output().append(std::string(500'000, 'x'));
  connection.close_when_written();
  io.flush();
  say(peer, "late words");
  size_t got = 0;
  ASSERT_TRUE(until([&] { return (got += hear(peer).size()) == 500'000; }));
  turns(*loop);
  char byte = 0;
  EXPECT_TRUE(until([&] { return recv(peer, &byte, 1, MSG_DONTWAIT) == 0; })) << "a FIN";
  EXPECT_EQ(handler.heard, "");
  close(peer);
  peer = -1;
  EXPECT_TRUE(until([&] { return handler.closes.size() == 1; }));
}

// A client that had closed its side already is told of again: its session waits for that.
TEST_F(ConnectionTest, CloseWhenWrittenToAHalfClosedPeerEnds) {
  pair();
  shutdown(peer, SHUT_WR);
  ASSERT_TRUE(until([&] { return handler.closes.size() == 1; }));
  connection.output().append("answer");
  connection.close_when_written();
  io.flush();
  EXPECT_TRUE(until([&] { return handler.closes.size() == 2; }));
  EXPECT_EQ(hear(peer), "answer");
}

TEST_F(ConnectionTest, ShutdownWriteKeepsReading) {
  pair();
  connection.output().append("done");
  connection.shutdown_write();
  io.flush();
  char byte = 0;
  std::string got;
  ASSERT_TRUE(until(
      [&] { return (got += hear(peer)) == "done" && recv(peer, &byte, 1, MSG_DONTWAIT) == 0; }));
  say(peer, "more");
  EXPECT_TRUE(until([&] { return handler.heard == "more"; }));
}

TEST_F(ConnectionTest, AnEarlyAnswerIsReadBeforeTheBrokenWriteIsTold) {
  pair(16 * 1024);
  turns(*loop);
  connection.pause(
      Connection::kPauseBusy);  // so that the answer is still unread when writing fails
  say(peer, "413");
  reset_and_close(peer);
  peer = -1;
  connection.resume(Connection::kPauseBusy);
  connection.output().append("body");
  io.flush();
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  EXPECT_EQ(handler.closes, std::vector{CloseCause::kError});
}

TEST_F(ConnectionTest, AbortResets) {
  pair();
  connection.abort();
  char byte = 0;
  EXPECT_TRUE(until([&] { return recv(peer, &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET; }));
}

// --- Connecting
// ----------------------------------------------------------------------------------------------------------

class ConnectingTest : public ConnectionTest {
 protected:
  void SetUp() override {
    listening = listen_on(*Address::parse("127.0.0.1:0"), {.reuse_port = false}).value();
    where = *bound_address(listening);
  }
  void TearDown() override {
    ConnectionTest::TearDown();
    close(listening);
  }
  void accept_peer() {
    while (peer < 0) peer = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
  }
  int listening = -1;
  Address where;
};

TEST_F(ConnectingTest, ConnectsThenTalks) {
  handler.when_connected = [&] { connection.output().append("hello"); };
  ASSERT_TRUE(connection.start_connect(where));
  EXPECT_TRUE(connection.connecting());
  accept_peer();
  EXPECT_TRUE(until([&] { return hear(peer) == "hello"; }));
  say(peer, "hi");
  EXPECT_TRUE(until([&] { return handler.heard == "hi"; }));
}

// Regression: one event said "connected", "bytes" and "closed"; only the first was heard, and the
// edge comes once.
TEST_F(ConnectingTest, WhatComesTogetherWithTheConnectionIsNotLost) {
  ASSERT_TRUE(connection.start_connect(where));
  accept_peer();
  say(peer, "220 ready");
  shutdown(peer, SHUT_WR);
  ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
  EXPECT_TRUE(handler.connected);
  EXPECT_EQ(handler.heard, "220 ready");
}

// Regression: the edge that says "connected" is also the one that says "writable".
TEST_F(ConnectingTest, WhatWasWrittenBeforeTheConnectionWasThereIsSent) {
  ASSERT_TRUE(connection.start_connect(where));
  connection.output().append("first ");
  io.flush();
  handler.when_connected = [&] { connection.output().append("second"); };
  accept_peer();
  std::string got;
  EXPECT_TRUE(until([&] { return (got += hear(peer)) == "first second"; })) << got;
}

TEST_F(ConnectingTest, ARefusedConnectionIsAnError) {
  close(listening);
  const Status started = connection.start_connect(where);
  if (started) {
    ASSERT_TRUE(until([&] { return !handler.closes.empty(); }));
    EXPECT_EQ(handler.last_error, ECONNREFUSED);
    EXPECT_FALSE(handler.connected);
  }
  listening = -1;
}

TEST_F(ConnectingTest, AMissingUnixSocketFailsAtOnce) {
  const Status started = connection.start_connect(*Address::parse("unix:/nonexistent/socket"));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "connect");
  EXPECT_FALSE(connection.is_open());
}

}  // namespace
}  // namespace flagmesh::net
