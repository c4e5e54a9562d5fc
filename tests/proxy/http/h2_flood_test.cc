// What a peer that means harm may cost: bounded work and memory, then ENHANCE_YOUR_CALM.
#include <gtest/gtest.h>

#include "proxy/limits.h"
#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::http {
namespace {

using namespace h2;  // NOLINT: frames are this file's language

constexpr int kCalm = 11;

// Feeds `more(i)` until the connection is over; how many it took, `most` when it never was.
template <class More>
size_t until_over(Server& server, size_t most, More&& more, MonoMs per_frame_ms = 0) {
  for (size_t i = 0; i < most; ++i) {
    server.feed(more(i), 0, i * per_frame_ms);
    if (server.connection.over()) return i;
  }
  return most;
}

// A GOAWAY that says so is the last thing written.
void expect_calm(Server& server) {
  int code = -1;
  for (const Frame& one : take_frames(server.sent)) {
    if (one.type == kGoaway) code = static_cast<int>(one.number(4));
  }
  EXPECT_EQ(code, kCalm);
}

TEST(H2Flood, RapidReset) {
  Server server;
  const size_t taken = until_over(server, 10'000, [](size_t i) {
    const auto id = static_cast<uint32_t>(2 * i + 1);
    return headers(id, get()) + frame(kRst, 0, id, u32(8));
  });
  EXPECT_EQ(taken, limits::kH2Resets);
  expect_calm(server);
  size_t open = 0;
  for (const auto& stream : server.streams) open += stream->closed ? 0 : 1;
  EXPECT_LE(open, 1U);
}

// What comes in one piece is not looked at in one turn: others wait meanwhile.
TEST(H2Flood, ResetsAreSpreadOverTurns) {
  Server server;
  std::string all;
  for (uint32_t id = 1; id < 400; id += 2) all += headers(id, get()) + frame(kRst, 0, id, u32(8));
  const size_t taken = server.connection.receive(all, 0);
  EXPECT_LT(taken, all.size() / 4);
  EXPECT_GT(taken, 0U);
  server.feed(std::string_view(all).substr(taken));
  EXPECT_EQ(server.streams.size(), 200U);
  EXPECT_FALSE(server.connection.over());
}

TEST(H2Flood, ResetsThatWeAreMadeToSend) {
  Server server;
  const size_t taken = until_over(server, 10'000, [](size_t i) {
    return headers(static_cast<uint32_t>(2 * i + 1), post(), false) +
           window(static_cast<uint32_t>(2 * i + 1), 0x7fffffff);
  });
  EXPECT_LE(taken, limits::kH2Resets);
  expect_calm(server);
}

TEST(H2Flood, MalformedRequests) {
  Server server;
  const size_t taken = until_over(server, 10'000, [](size_t i) {
    return headers(static_cast<uint32_t>(2 * i + 1), get({{"X", "y"}}));
  });
  EXPECT_LE(taken, limits::kH2Resets);
  expect_calm(server);
}

TEST(H2Flood, AFewResetsASecondAreFine) {
  Server server;
  const size_t taken = until_over(
      server, 3'000,
      [](size_t i) {
        const auto id = static_cast<uint32_t>(2 * i + 1);
        return headers(id, get()) + frame(kRst, 0, id, u32(8));
      },
      1000 / limits::kH2ResetsPerSecond + 1);
  EXPECT_EQ(taken, 3'000U);
}

TEST(H2Flood, FramesThatCarryNothing) {
  const std::vector<std::pair<const char*, std::string>> floods{
      {"PING", frame(kPing, 0, 0, "12345678")},
      {"PING ack", frame(kPing, kAck, 0, "12345678")},
      {"SETTINGS", settings()},
      {"PRIORITY", frame(kPriority, 0, 1, u32(0) + "a")},
      {"WINDOW_UPDATE", window(0, 1)},
      {"WINDOW_UPDATE of a stream", window(1, 1)},
      {"empty DATA", data(1, "", false)},
  };
  for (const auto& [name, bytes] : floods) {
    Server server;
    server.feed(headers(1, post(), false));
    const size_t taken = until_over(server, 20'000, [&](size_t) { return bytes; });
    EXPECT_LE(taken, limits::kH2IdleFrames + limits::kH2IdleFramesPerWork) << name;
    EXPECT_GE(taken, 500U) << name;
    expect_calm(server);
    EXPECT_LT(server.memory.in_use(), 100U) << name;
  }
}

// The stream was reset, so nobody asks for more of it.
TEST(H2Flood, FramesOnAStreamThatWeReset) {
  for (const std::string& more : {data(1, "", false), data(1, "x", false), headers(1, {{"a", "b"}})}) {
    Server server;
    server.feed(headers(1, post({{"X", "upper"}}), false));
    EXPECT_EQ(server.code(1), 1);
    EXPECT_LE(until_over(server, 100'000, [&](size_t) { return more; }), limits::kH2IdleFrames + 10);
    expect_calm(server);
  }
}

TEST(H2Flood, PingsNowAndThenAreFine) {
  Server server;
  const size_t taken = until_over(
      server, 5'000, [](size_t) { return frame(kPing, 0, 0, "12345678"); }, 1000);
  EXPECT_EQ(taken, 5'000U);
}

TEST(H2Flood, EndlessContinuation) {
  Server server;
  server.feed(frame(kHeaders, kEndStream, 1, block(get())));
  const size_t taken = until_over(server, 1'000, [](size_t) { return frame(kContinuation, 0, 1, field("x", "y")); });
  EXPECT_LE(taken, limits::kH2Continuations + 1);
  expect_calm(server);
  EXPECT_EQ(server.log, "");
}

TEST(H2Flood, EmptyContinuations) {
  Server server;
  server.feed(frame(kHeaders, kEndStream, 1, block(get())));
  const size_t taken = until_over(server, 1'000, [](size_t) { return frame(kContinuation, 0, 1, ""); });
  EXPECT_LE(taken, limits::kH2Continuations + 1);
}

// One large field in the dynamic table, then its index again and again.
TEST(H2Flood, HpackBomb) {
  Server server;
  const std::string value(4000, 'a');
  std::string bytes = block(get()) + "\x40" + number(0, 7, 1) + "b" + number(0, 7, value.size()) + value;
  bytes += std::string(11'000, '\xbe');
  server.feed(frame(kHeaders, kEndStream | kEndHeaders, 1, bytes));
  EXPECT_TRUE(server.connection.over());
  EXPECT_EQ(server.connection.reason(), "h2_header_bomb");
  expect_calm(server);
}

TEST(H2Flood, ManySmallFields) {
  Server server;
  server.feed(frame(kHeaders, kEndStream | kEndHeaders, 1, block(get()) + std::string(10'000, '\x90')));
  EXPECT_TRUE(server.connection.over());
  EXPECT_EQ(server.connection.reason(), "h2_header_bomb");
}

TEST(H2Flood, BudgetOfFramesInOneCallback) {
  Server server;
  std::string all;
  for (int i = 0; i < 4'000; ++i) all += frame(kPing, kAck, 0, "12345678");
  const size_t taken = server.connection.receive(all, 0);
  EXPECT_LT(taken, all.size());
}

// Requests and answers as fast as can be are no flood, with the window updates that they need.
TEST(H2Flood, WorkIsNot) {
  Server server;
  ResponseHead head;
  head.status = 200;
  head.body = {Framing::kLength, 4000};
  const std::string body(4000, 'x');
  for (uint32_t i = 0; i < 20'000; ++i) {
    const uint32_t id = 2 * i + 1;
    server.feed(headers(id, get()));
    ASSERT_EQ(server.streams.size(), 1U) << i;
    server.connection.send_response(server.stream(0), head, false, false);
    server.connection.send_data(server.stream(0), body);
    server.connection.send_end(server.stream(0), nullptr);
    server.pull();
    ASSERT_TRUE(server.stream(0).closed) << i;
    server.streams.clear();
    server.feed(window(0, 4000) + window(id, 4000));
    ASSERT_FALSE(server.connection.over()) << i;
    server.sent.clear();
  }
}

// Windows opened byte by byte: each frame that we send costs more than it carries.
TEST(H2Flood, WindowsOfOneByte) {
  Server server;
  server.feed(settings({{4, 0}}) + headers(1, get()));
  ResponseHead head;
  head.status = 200;
  head.body = {Framing::kChunked, 0};
  server.connection.send_response(server.stream(0), head, false, false);
  const std::string body(100'000, 'x');
  server.connection.send_data(server.stream(0), body);
  server.pull();
  const size_t taken = until_over(server, 20'000, [](size_t) { return window(1, 1); });
  EXPECT_LE(taken, limits::kH2IdleFrames + 2 * limits::kH2IdleFramesPerWork);
  expect_calm(server);
}

}  // namespace
}  // namespace flagmesh::http
