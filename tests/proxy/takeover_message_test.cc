#include "proxy/takeover_message.h"

#include <gtest/gtest.h>

namespace flagmesh::takeover {
namespace {

std::vector<Message> samples() {
  std::vector<Message> all;
  all.push_back({.kind = Kind::kHello, .pid = 4'000'000'000});
  all.push_back(
      {.kind = Kind::kSockets,
       .sockets = {{Role::kListener, "0.0.0.0:9071"}, {Role::kAdmin, "unix:/run/a.sock"}}});
  all.push_back(
      {.kind = Kind::kValue, .name = "tls.ticket_keys", .text = std::string("\0\xff", 2)});
  all.push_back({.kind = Kind::kEnd, .pid = 1});
  all.push_back({.kind = Kind::kReady, .adopted = {0, 3, 4'095}});
  all.push_back({.kind = Kind::kReleased});
  all.push_back({.kind = Kind::kRefused, .text = "shutting down"});
  return all;
}

TEST(TakeoverMessage, ComesBackAsItWas) {
  for (const Message& message : samples()) {
    const Result<Message> back = decode(encode(message));
    ASSERT_TRUE(back) << static_cast<int>(message.kind);
    EXPECT_EQ(*back, message);
  }
}

TEST(TakeoverMessage, EveryCutAndEveryTailIsRefused) {
  for (const Message& message : samples()) {
    const std::string packet = encode(message);
    for (size_t size = 0; size < packet.size(); ++size) {
      EXPECT_FALSE(decode(std::string_view(packet).substr(0, size))) << size;
    }
    EXPECT_FALSE(decode(packet + "x"));
  }
}

// Whatever bytes come: an error, or a message that says the same when it is sent on.
TEST(TakeoverMessage, EveryChangedByteIsRefusedOrAnotherMessage) {
  for (const Message& message : samples()) {
    for (size_t at = 0; at < encode(message).size(); ++at) {
      for (const unsigned value : {0U, 1U, 0x7fU, 0x80U, 0xffU}) {
        std::string packet = encode(message);
        packet[at] = static_cast<char>(value);
        const Result<Message> read = decode(packet);
        if (!read) continue;
        EXPECT_EQ(encode(*read), packet);
      }
    }
  }
}

TEST(TakeoverMessage, AnotherVersionIsNamed) {
  std::string packet = encode({.kind = Kind::kReleased});
  packet[5] = 9;
  const Result<Message> read = decode(packet);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, "takeover_version");
  EXPECT_NE(read.error().message.find('9'), std::string::npos);
}

TEST(TakeoverMessage, LimitsHold) {
  const auto refused = [](const Message& message) {
    const Result<Message> read = decode(encode(message));
    return !read && read.error().code == "bad_takeover";
  };
  EXPECT_TRUE(
      refused({.kind = Kind::kSockets, .sockets = std::vector<SocketName>(kMaxDescriptors + 1)}));
  EXPECT_TRUE(refused(
      {.kind = Kind::kSockets, .sockets = {{Role::kListener, std::string(kMaxName + 1, 'a')}}}));
  EXPECT_TRUE(refused({.kind = Kind::kValue, .name = "", .text = "nameless"}));
  EXPECT_TRUE(
      refused({.kind = Kind::kValue, .name = "a", .text = std::string(kMaxValue + 1, 'a')}));
  EXPECT_TRUE(refused({.kind = Kind::kReady, .adopted = {3, 3}})) << "twice the same";
  EXPECT_TRUE(refused({.kind = Kind::kReady, .adopted = {kMaxSockets}}));
  EXPECT_FALSE(decode(std::string(kMaxPacket + 1, 'F')));
}

}  // namespace
}  // namespace flagmesh::takeover
