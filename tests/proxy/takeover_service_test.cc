// Both sides of a take-over, in one process.
#include "proxy/takeover_service.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "proxy/net/listener.h"
#include "proxy/takeover_predecessor.h"

namespace flagmesh::takeover {
namespace {

class TakeoverServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    folder =
        std::filesystem::temp_directory_path() / ("flagmesh-takeover-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    path = folder / "door";
    for (int i = 0; i < 300; ++i) {  // more than one packet of descriptors
      const int fd = net::listen_on(*net::Address::parse("127.0.0.1:0"), {}).value();
      sockets.push_back(std::make_unique<net::ListenSocket>(fd));
    }
    auto door = Door::open(path).value();
    struct stat file {};
    ASSERT_EQ(stat((path + ".new").c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777U, 0600U);
    ASSERT_TRUE(door->publish());
    service =
        Service::start(*loop, std::move(door),
                       {.offer = [this] { return offer(); },
                        .released = [this](const std::vector<bool>& which) { adopted = which; }})
            .value();
  }
  void TearDown() override {
    service.reset();
    std::filesystem::remove_all(folder);
  }
  Result<Offer> offer() const {
    if (!refusal.empty()) return fail("takeover", refusal);
    Offer all{.values = {{"tls.ticket_keys", std::string(kMaxValue, 'k')}, {"later", "unknown"}}};
    for (size_t i = 0; i < sockets.size(); ++i) {
      all.sockets.push_back({{Role::kListener, "l" + std::to_string(i % 3)}, sockets[i]->fd()});
    }
    return all;
  }
  // The successor waits, so it has a thread of its own.
  template <class Act>
  void as_successor(Act act) {
    bool done = false;
    std::thread other([&] {
      act();
      loop->post([&] { done = true; });
    });
    while (!done) loop->run_once(20);
    other.join();
  }

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  std::filesystem::path folder;
  std::string path;
  std::vector<std::unique_ptr<net::ListenSocket>> sockets;
  std::unique_ptr<Service> service;
  std::vector<bool> adopted;
  std::string refusal;
};

TEST_F(TakeoverServiceTest, EverySocketAndValueArrivesAndOnlyTheAdoptedAreLetGo) {
  as_successor([&] {
    auto met = Predecessor::meet(path);
    ASSERT_TRUE(met) << met.error().text();
    Predecessor& predecessor = **met;
    EXPECT_EQ(predecessor.pid(), static_cast<uint32_t>(getpid()));
    EXPECT_EQ(predecessor.values().at("tls.ticket_keys").size(), kMaxValue);
    ASSERT_EQ(predecessor.sockets().size(), sockets.size());
    for (size_t i = 0; i < sockets.size(); ++i) {
      Predecessor::Socket& socket = predecessor.sockets()[i];
      EXPECT_EQ(socket.name.name, "l" + std::to_string(i % 3));
      EXPECT_EQ(socket.socket->address(), sockets[i]->address());
      socket.adopted = i % 2 == 0;
    }
    const Status ready = predecessor.ready();
    EXPECT_TRUE(ready) << ready.error().text();
  });
  ASSERT_EQ(adopted.size(), sockets.size());
  for (size_t i = 0; i < adopted.size(); ++i) EXPECT_EQ(adopted[i], i % 2 == 0) << i;
  EXPECT_FALSE(std::filesystem::exists(path)) << "the place is the successor's";
}

TEST_F(TakeoverServiceTest, OneThatGoesAwayChangesNothingAndASecondOneIsTold) {
  as_successor([&] {
    auto first = Predecessor::meet(path);
    ASSERT_TRUE(first && *first != nullptr);
    auto second = Predecessor::meet(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, "takeover_refused");
  });
  for (int i = 0; i < 50 && service->busy(); ++i) loop->run_once(20);
  EXPECT_FALSE(service->busy());
  EXPECT_TRUE(adopted.empty());
  as_successor([&] { EXPECT_TRUE(Predecessor::meet(path)); });
}

TEST_F(TakeoverServiceTest, ARefusalSaysWhy) {
  refusal = "this router is shutting down";
  as_successor([&] {
    auto met = Predecessor::meet(path);
    ASSERT_FALSE(met);
    EXPECT_NE(met.error().message.find(refusal), std::string::npos);
  });
}

TEST_F(TakeoverServiceTest, ReadyBeforeHelloOrWithSocketsThatAreNotThereIsRefused) {
  for (const bool greet : {false, true}) {
    as_successor([&] {
      auto channel = Channel::connect(path).value();
      if (greet) {
        ASSERT_TRUE(channel->send({.kind = Kind::kHello}));
        while (channel->receive(5'000).value().message.kind != Kind::kEnd) {
        }
      }
      ASSERT_TRUE(channel->send({.kind = Kind::kReady, .adopted = {4'000}}));
      EXPECT_FALSE(channel->receive(5'000));
    });
    for (int i = 0; i < 50 && service->busy(); ++i) loop->run_once(20);
    EXPECT_TRUE(adopted.empty());
  }
}

TEST(Predecessor, NobodyThereIsNoError) {
  const auto met = Predecessor::meet("/tmp/flagmesh-no-such-door");
  ASSERT_TRUE(met);
  EXPECT_EQ(*met, nullptr);
}

TEST(ListenSocket, AForeignDescriptorIsRefused) {
  EXPECT_FALSE(net::ListenSocket::adopt(dup(0)));
  EXPECT_FALSE(net::ListenSocket::adopt(socket(AF_INET, SOCK_STREAM, 0)));
}

}  // namespace
}  // namespace flagmesh::takeover
