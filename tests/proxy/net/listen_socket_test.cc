#include "proxy/net/listen_socket.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>

#include "tests/proxy/net/sockets.h"

namespace flagmesh::net {
namespace {

// A connection attempt that does not wait for its end.
int begin_to_connect(const Address& to) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  (void)connect(fd, to.data(), to.size());
  return fd;
}

bool connected_within(int fd, int wait_ms) {
  pollfd look{.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&look, 1, wait_ms) == 1 && (look.revents & (POLLERR | POLLHUP)) == 0;
}

TEST(ListenSocketTest, AfterQuiesceNobodyNewGetsInAndWhoIsThereIsServed) {
  ListenSocket socket(listen_on(*Address::parse("127.0.0.1:0"), {}).value());
  const int early = begin_to_connect(socket.address());
  ASSERT_TRUE(connected_within(early, 1'000));
  socket.quiesce();
  const int late = begin_to_connect(socket.address());
  EXPECT_FALSE(connected_within(late, 100)) << "its SYN is dropped";
  const int accepted = accept4(socket.fd(), nullptr, nullptr, 0);
  ASSERT_GE(accepted, 0);
  say(early, "hello");  // the filter lets everything else through
  char said[8];
  EXPECT_EQ(recv(accepted, said, sizeof said, 0), 5);
  for (const int fd : {early, late, accepted}) close(fd);
}

TEST(ListenSocketTest, AUnixSocketRefusesAndItsFileGoes) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("flagmesh-quiesce-" + std::to_string(getpid()));
  ListenSocket socket(listen_on(*Address::parse("unix:" + path), {}).value());
  const int early = begin_to_connect(socket.address());
  socket.quiesce();
  EXPECT_FALSE(std::filesystem::exists(path));
  const int accepted = accept4(socket.fd(), nullptr, nullptr, 0);
  EXPECT_GE(accepted, 0);
  close(early);
  close(accepted);
}

TEST(ListenSocketTest, AnothersFileOfThatNameStays) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("flagmesh-other-" + std::to_string(getpid()));
  ListenSocket first(listen_on(*Address::parse("unix:" + path), {}).value());
  std::filesystem::remove(path);
  ListenSocket second(listen_on(*Address::parse("unix:" + path), {}).value());
  first.quiesce();
  EXPECT_TRUE(std::filesystem::exists(path));
  second.quiesce();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace flagmesh::net
