// What h2spec asks of a server (generic, http2 and hpack sections), as frames of our own. RFC 9113
// and RFC 7541 section numbers in the names of the cases.
#include <gtest/gtest.h>

#include "tests/proxy/http/h2_frames.h"

namespace flagmesh::http {
namespace {

using namespace h2;  // NOLINT: frames are this file's language

constexpr int kProtocol = 1;
constexpr int kFlow = 3;
constexpr int kClosed = 5;
constexpr int kSize = 6;
constexpr int kCompression = 9;

std::string open(uint32_t id) { return headers(id, post(), false); }

// The connection ends with that code.
void expect_goaway(const std::string& bytes, int code, const char* what) {
  Server server;
  server.feed(bytes);
  EXPECT_EQ(server.code(0), code) << what;
  EXPECT_TRUE(server.connection.over()) << what;
}

// The stream ends with that code, and the connection goes on.
void expect_reset(const std::string& bytes, int code, const char* what) {
  Server server;
  server.feed(bytes);
  EXPECT_EQ(server.code(1), code) << what;
  server.log.clear();
  server.feed(headers(101, get()));
  EXPECT_EQ(server.log, "head 101 GET h/ host=h end\n") << what;
}

TEST(H2Protocol, Preface) {
  End garbage;
  garbage.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(garbage.connection.over());
  End no_settings;
  no_settings.feed(std::string(kH2Preface) + headers(1, get()));
  EXPECT_TRUE(no_settings.connection.over());
  EXPECT_EQ(no_settings.log, "");
  End whole;
  whole.feed(hello(), 1);
  EXPECT_FALSE(whole.connection.over());
  const std::vector<Frame> sent = whole.frames();
  ASSERT_GE(sent.size(), 2U);
  EXPECT_EQ(sent[0].type, kSettings);
  EXPECT_EQ(sent[0].flags, 0);
}

TEST(H2Protocol, FrameSizes) {
  expect_goaway(frame(kPing, 0, 0, "1234567"), kSize, "6.7 PING of 7 bytes");
  expect_goaway(frame(kSettings, 0, 0, "123"), kSize, "6.5 SETTINGS of 3 bytes");
  expect_goaway(frame(kSettings, kAck, 0, "123456"), kSize, "6.5 SETTINGS ack with payload");
  expect_goaway(open(1) + frame(kWindow, 0, 1, "123"), kSize, "6.9 WINDOW_UPDATE of 3 bytes");
  expect_goaway(open(1) + frame(kRst, 0, 1, "123"), kSize, "6.4 RST_STREAM of 3 bytes");
  expect_goaway(open(1) + data(1, std::string(16385, 'a'), true), kSize, "4.2 DATA over the maximum");
  expect_goaway(frame(kHeaders, kEndHeaders | kEndStream, 1, std::string(16385, 'a')), kSize,
                "4.2 HEADERS over the maximum");
}

TEST(H2Protocol, Settings) {
  expect_goaway(frame(kSettings, 0, 1), kProtocol, "6.5 SETTINGS on a stream");
  expect_goaway(settings({{2, 2}}), kProtocol, "6.5.2 ENABLE_PUSH 2");
  expect_goaway(settings({{4, 0x80000000U}}), kFlow, "6.5.2 INITIAL_WINDOW_SIZE over 2^31-1");
  expect_goaway(settings({{5, 16383}}), kProtocol, "6.5.2 MAX_FRAME_SIZE too small");
  expect_goaway(settings({{5, 16777216}}), kProtocol, "6.5.2 MAX_FRAME_SIZE too large");
  Server server;
  server.feed(settings({{0xff, 1}, {3, 5}}));
  const std::vector<Frame> sent = server.frames();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].type, kSettings);
  EXPECT_EQ(sent[0].flags, kAck);
}

TEST(H2Protocol, Ping) {
  Server server;
  server.feed(frame(kPing, 0, 0, "12345678"));
  const std::vector<Frame> sent = server.frames();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].type, kPing);
  EXPECT_EQ(sent[0].flags, kAck);
  EXPECT_EQ(sent[0].payload, "12345678");
  server.feed(frame(kPing, kAck, 0, "abcdefgh"));
  EXPECT_TRUE(server.frames().empty());
  expect_goaway(frame(kPing, 0, 1, "12345678"), kProtocol, "6.7 PING on a stream");
}

TEST(H2Protocol, UnknownFramesAreIgnored) {
  Server server;
  server.feed(frame(0x16, 0, 0, "12345678") + frame(0x16, 0xff, 1, "x") + headers(1, get()));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h end\n");
  expect_goaway(frame(kHeaders, kEndStream, 1, block(get())) + frame(0x16, 0, 0, "x"), kProtocol,
                "5.5 unknown frame inside a header block");
}

TEST(H2Protocol, StreamIdentifiers) {
  expect_goaway(headers(2, get()), kProtocol, "5.1.1 even identifier");
  expect_goaway(headers(5, get()) + headers(3, get()), kProtocol, "5.1.1 smaller than before");
  expect_goaway(frame(kHeaders, kEndHeaders | kEndStream, 0, block(get())), kProtocol, "6.2 HEADERS on 0");
  expect_goaway(data(0, "x", true), kProtocol, "6.1 DATA on 0");
  expect_goaway(frame(kRst, 0, 0, u32(8)), kProtocol, "6.4 RST_STREAM on 0");
  expect_goaway(frame(kPriority, 0, 0, u32(1) + "a"), kProtocol, "6.3 PRIORITY on 0");
  expect_goaway(frame(kGoaway, 0, 1, u32(0) + u32(0)), kProtocol, "6.8 GOAWAY on a stream");
}

TEST(H2Protocol, IdleStreams) {
  expect_goaway(data(1, "x", true), kProtocol, "5.1 DATA on an idle stream");
  expect_goaway(frame(kRst, 0, 1, u32(8)), kProtocol, "5.1 RST_STREAM on an idle stream");
  expect_goaway(window(1, 100), kProtocol, "5.1 WINDOW_UPDATE on an idle stream");
  expect_goaway(frame(kContinuation, kEndHeaders, 1, block(get())), kProtocol,
                "5.1 CONTINUATION on an idle stream");
  Server server;
  server.feed(frame(kPriority, 0, 1, u32(0) + "a") + headers(1, get()));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h end\n");
}

TEST(H2Protocol, HalfClosedRemote) {
  for (const std::string& more : {data(1, "x", true), headers(1, {{"x", "y"}})}) {
    Server server;
    server.feed(headers(1, get()) + more);
    const std::vector<Frame> sent = server.frames();
    ASSERT_FALSE(sent.empty());
    const Frame& last = sent.back();
    EXPECT_TRUE((last.type == kRst && last.number() == kClosed) ||
                (last.type == kGoaway && last.number(4) == kClosed));
  }
  Server server;
  server.feed(headers(1, get()) + window(1, 100) + frame(kPriority, 0, 1, u32(0) + "a"));
  EXPECT_TRUE(server.frames().empty());
  server.feed(frame(kRst, 0, 1, u32(8)));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h end\nclosed 1 8\n");
}

TEST(H2Protocol, ClosedStreams) {
  const std::string reset = open(1) + frame(kRst, 0, 1, u32(8));
  for (const std::string& more : {headers(1, get()), std::string(frame(kContinuation, kEndHeaders, 1, ""))}) {
    Server server;
    server.feed(reset + more);
    const int code = server.code(0);
    EXPECT_TRUE(code == kClosed || code == kProtocol) << code;
  }
  Server own;  // data behind the client's own reset is told, and only that stream is concerned
  own.feed(reset + data(1, "x", true) + window(1, 1) + frame(kRst, 0, 1, u32(8)) + headers(3, get()));
  EXPECT_NE(own.log.find("head 3"), std::string::npos);
  EXPECT_EQ(own.code(1), kClosed);
  Server late;  // what was on its way when our reset went out is let through
  late.feed(headers(1, post({{"X", "upper"}}), false));
  EXPECT_EQ(late.code(1), kProtocol);
  late.feed(data(1, "x", false) + window(1, 1) + headers(1, {{"a", "b"}}) + headers(3, get()));
  EXPECT_NE(late.log.find("head 3"), std::string::npos);
  EXPECT_TRUE(late.frames().empty());
  for (const std::string& more : {data(1, "x", true), headers(1, get())}) {
    Server whole;  // both sides had ended
    whole.feed(headers(1, get()));
    ResponseHead head;
    head.status = 200;
    whole.connection.send_response(whole.stream(0), head, false, true);
    whole.pull();
    whole.feed(more);
    EXPECT_EQ(whole.code(0), kClosed);
  }
}

TEST(H2Protocol, StreamsRefusedBeforeTheyBegin) {
  Server server;
  server.refuse = true;
  server.feed(headers(1, post(), false));
  EXPECT_EQ(server.code(1), 7);
  server.refuse = false;
  server.feed(data(1, "x", false) + headers(1, {{"a", "b"}}) + headers(3, get()));
  EXPECT_NE(server.log.find("head 3"), std::string::npos);
  EXPECT_TRUE(server.frames().empty());
}

TEST(H2Protocol, HeaderBlocks) {
  const std::string first = frame(kHeaders, kEndStream, 1, block(get()));
  expect_goaway(first + frame(kPing, 0, 0, "12345678"), kProtocol, "6.10 PING inside a block");
  expect_goaway(first + headers(3, get()), kProtocol, "6.10 HEADERS inside a block");
  expect_goaway(first + frame(kContinuation, kEndHeaders, 3, ""), kProtocol, "6.10 other stream");
  expect_goaway(first + frame(kContinuation, kEndHeaders, 0, ""), kProtocol, "6.10 stream 0");
  expect_goaway(headers(1, get()) + frame(kContinuation, kEndHeaders, 1, ""), kProtocol,
                "6.10 CONTINUATION behind END_HEADERS");
  const std::string bytes = block(get());
  for (const size_t step : {0, 1, 3}) {
    Server server;
    server.feed(frame(kHeaders, kEndStream, 1, bytes.substr(0, 5)) +
                    frame(kContinuation, 0, 1, bytes.substr(5, 20)) +
                    frame(kContinuation, kEndHeaders, 1, bytes.substr(25)),
                step);
    EXPECT_EQ(server.log, "head 1 GET h/ host=h end\n") << step;
  }
}

TEST(H2Protocol, Padding) {
  const std::string padded = std::string("\x04", 1) + block(get()) + std::string(4, '\0');
  Server server;
  server.feed(frame(kHeaders, kEndHeaders | kEndStream | kPadded, 1, padded));
  EXPECT_EQ(server.log, "head 1 GET h/ host=h end\n");
  expect_goaway(frame(kHeaders, kEndHeaders | kEndStream | kPadded, 1, "\xff" + block(get())), kProtocol,
                "6.2 padding longer than the frame");
  expect_goaway(open(1) + frame(kData, kEndStream | kPadded, 1, "\x06" "abcde"), kProtocol,
                "6.1 padding longer than the frame");
}

TEST(H2Protocol, Windows) {
  expect_goaway(window(0, 0), kProtocol, "6.9 increment 0 on the connection");
  expect_goaway(window(0, 0x7fffffff), kFlow, "6.9.1 connection window over 2^31-1");
  expect_reset(open(1) + window(1, 0x7fffffff), kFlow, "6.9.1 stream window over 2^31-1");
  Server server;
  server.feed(open(1) + window(1, 0));
  const std::vector<Frame> sent = server.frames();
  ASSERT_FALSE(sent.empty());
  const Frame& last = sent.back();
  EXPECT_TRUE((last.type == kRst && last.number() == kProtocol) ||
              (last.type == kGoaway && last.number(4) == kProtocol));
}

TEST(H2Protocol, PushFromAClientIsAnError) {
  expect_goaway(open(1) + frame(kPush, kEndHeaders, 1, u32(2) + block(get())), kProtocol, "8.4");
}

TEST(H2Protocol, MoreStreamsThanAllowed) {
  Server server;
  std::string all;
  for (uint32_t i = 0; i <= 128; ++i) all += headers(2 * i + 1, post(), false);
  server.feed(all);
  int code = -1;
  for (const Frame& one : server.frames()) {
    if (one.type == kRst) code = static_cast<int>(one.number());
    if (one.type == kGoaway) code = static_cast<int>(one.number(4));
  }
  EXPECT_TRUE(code == 7 || code == kProtocol) << code;
  EXPECT_EQ(server.streams.size(), 128U);
}

TEST(Hpack, WhatCannotBeDecodedEndsTheConnection) {
  const auto bytes = [](const std::string& b) { return frame(kHeaders, kEndHeaders | kEndStream, 1, b); };
  expect_goaway(bytes("\xff\xff\xff\xff\xff\x0f"), kCompression, "RFC 7541 2.3.3 index out of range");
  expect_goaway(bytes("\x80"), kCompression, "6.1 index 0");
  expect_goaway(bytes("\xc6"), kCompression, "2.3.3 index 70 of an empty dynamic table");
  expect_goaway(bytes("\x3f\xe2\x1f"), kCompression, "6.3 table size over the limit");
  expect_goaway(bytes(block(get()) + "\x20"), kCompression, "4.2 size update at the end");
  expect_goaway(bytes("\x82\x87\x84\x41\x8c\xf2\xb2\x14\x65\x0b\xa4\xd1\xb1\xff\xff\xff\xff"), kCompression,
                "5.2 Huffman padding over 7 bits, or EOS");
}

}  // namespace
}  // namespace flagmesh::http
