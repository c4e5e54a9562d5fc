#include "proxy/net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "tests/proxy/net/sockets.h"

namespace flagmesh::net {
namespace {

class ListenerTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const int fd : fds) close(fd);
  }
  std::unique_ptr<Listener> make_at(const Address& at) {
    const int fd = listen_on(at, {}).value();
    where = *bound_address(fd);
    return std::make_unique<Listener>(*loop, fd, [this](int accepted, const Address& peer) {
      fds.push_back(accepted);
      peers.push_back(peer);
    });
  }
  void dial(int count) {
    for (int i = 0; i < count; ++i) {
      fds.push_back(socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(connect(fds.back(), where.data(), where.size()), 0) << i;
    }
  }

  std::unique_ptr<event::Loop> loop = *event::Loop::create();
  Address where;
  std::vector<int> fds;
  std::vector<Address> peers;
};

TEST_F(ListenerTest, AcceptsAndSaysWhoItIs) {
  const std::unique_ptr<Listener> owned = make_at(*Address::parse("127.0.0.1:0"));
  Listener& listener = *owned;
  ASSERT_TRUE(listener.start());
  dial(100);  // more than one budget
  ASSERT_TRUE(run_until(*loop, [&] { return peers.size() == 100; }));
  EXPECT_EQ(peers[0].ip(), "127.0.0.1");
  EXPECT_EQ(peers[0], *bound_address(fds[0]));
}

TEST_F(ListenerTest, APausedOneLeavesThemInTheQueue) {
  const std::unique_ptr<Listener> owned = make_at(*Address::parse("127.0.0.1:0"));
  Listener& listener = *owned;
  ASSERT_TRUE(listener.start());
  listener.pause();
  dial(1);
  turns(*loop);
  EXPECT_TRUE(peers.empty());
  listener.resume();
  EXPECT_TRUE(run_until(*loop, [&] { return peers.size() == 1; }));
}

TEST_F(ListenerTest, DrainTakesInWhoIsQueuedThenRefuses) {
  const std::unique_ptr<Listener> owned = make_at(*Address::parse("127.0.0.1:0"));
  Listener& listener = *owned;
  ASSERT_TRUE(listener.start());
  dial(5);
  listener.drain_and_close();
  EXPECT_EQ(peers.size(), 5U);
  const int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_NE(connect(late, where.data(), where.size()), 0);
  close(late);
  listener.resume();  // closed: nothing to resume
  turns(*loop);
}

TEST_F(ListenerTest, OutOfDescriptorsItWaitsInsteadOfSpinning) {
  const std::unique_ptr<Listener> owned = make_at(*Address::parse("127.0.0.1:0"));
  Listener& listener = *owned;
  ASSERT_TRUE(listener.start());
  dial(1);
  ASSERT_TRUE(run_until(*loop, [&] { return peers.size() == 1; }));
  dial(1);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(fds.back());  // no new descriptor is below it
  setrlimit(RLIMIT_NOFILE, &none);
  int count = 0;
  for (const MonoMs began = mono_ms(); mono_ms() < began + 60; ++count) loop->run_once(60);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_LE(count, 5) << "it spins";
  EXPECT_EQ(peers.size(), 1U);
  EXPECT_TRUE(run_until(*loop, [&] { return peers.size() == 2; }));
}

TEST_F(ListenerTest, AUnixSocketFileOfTheDeadIsReplacedOneOfTheLivingIsNot) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("flagmesh-listener-" + std::to_string(getpid()));
  const Address at = *Address::parse("unix:" + path);
  const int first = listen_on(at, {}).value();
  EXPECT_FALSE(listen_on(at, {})) << "somebody listens there";
  close(first);
  const Result<int> second = listen_on(at, {});
  ASSERT_TRUE(second);
  close(*second);
  std::filesystem::remove(path);
}

TEST_F(ListenerTest, AnAddressInUseNamesTheMend) {
  const int first = listen_on(*Address::parse("127.0.0.1:0"), {.reuse_port = false}).value();
  const Result<int> second = listen_on(*bound_address(first), {.reuse_port = false});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "listen");
  EXPECT_FALSE(second.error().mend.empty());
  close(first);
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(fd, level, name, &value, &length);
  return value;
}

TEST_F(ListenerTest, AcceptedSocketsInheritTheProbesOfTheKernel) {
  const ListenOptions options{.keepalive = {.idle = 33, .interval = 7, .count = 4}};
  const int fd = listen_on(*Address::parse("127.0.0.1:0"), options).value();
  Listener listener(*loop, fd, [this](int accepted, const Address&) { fds.push_back(accepted); });
  where = *bound_address(fd);
  ASSERT_TRUE(listener.start());
  dial(1);
  ASSERT_TRUE(run_until(*loop, [&] { return fds.size() == 2; }));
  EXPECT_EQ(option(fds[1], SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(fds[1], IPPROTO_TCP, TCP_KEEPIDLE), 33);
  EXPECT_EQ(option(fds[1], IPPROTO_TCP, TCP_KEEPINTVL), 7);
  EXPECT_EQ(option(fds[1], IPPROTO_TCP, TCP_KEEPCNT), 4);
  EXPECT_EQ(option(fds[1], IPPROTO_TCP, TCP_NODELAY), 1);
  ASSERT_TRUE(adjust_listening(fd, {.backlog = 5, .keepalive = {.on = false}}));
  dial(1);
  ASSERT_TRUE(run_until(*loop, [&] { return fds.size() == 4; }));
  EXPECT_EQ(option(fds[3], SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(ListenerTest, WhatOnlyANewSocketCanChangeIsSaid) {
  const int v4 = listen_on(*Address::parse("127.0.0.1:0"), {.reuse_port = false}).value();
  EXPECT_TRUE(adjust_listening(v4, {.reuse_port = false}));
  EXPECT_TRUE(adjust_listening(v4, {.reuse_port = false, .ipv6_only = false}));
  const Status other = adjust_listening(v4, {.reuse_port = true});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().mend, "restart, or give it another port");
  close(v4);
  const int v6 = listen_on(*Address::parse("[::]:0"), {.ipv6_only = false}).value();
  EXPECT_EQ(option(v6, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  EXPECT_FALSE(adjust_listening(v6, {}));
  close(v6);
}

TEST_F(ListenerTest, AUnixSocketHasTheModeThatWasAskedFor) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("flagmesh-mode-" + std::to_string(getpid()));
  const Address at = *Address::parse("unix:" + path);
  const int fd = listen_on(at, {.mode = 0600}).value();
  struct stat file {};
  stat(path.c_str(), &file);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
  EXPECT_TRUE(adjust_listening(fd, {.mode = 0666}));
  stat(path.c_str(), &file);
  EXPECT_EQ(file.st_mode & 0777, 0666U);
  close(fd);
  std::filesystem::remove(path);
}

TEST_F(ListenerTest, AFileInTheWayIsNotRemoved) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("flagmesh-file-" + std::to_string(getpid()));
  close(creat(path.c_str(), 0600));
  const Result<int> fd = listen_on(*Address::parse("unix:" + path), {});
  ASSERT_FALSE(fd);
  EXPECT_NE(fd.error().mend.find("no socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::remove(path));
}

}  // namespace
}  // namespace flagmesh::net
