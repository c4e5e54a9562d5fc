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
