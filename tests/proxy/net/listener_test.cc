#include "proxy/net/listener.h"

#include <gtest/gtest.h>
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

}  // namespace
}  // namespace flagmesh::net
