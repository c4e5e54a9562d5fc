#include "proxy/net/descriptor_reserve.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/proxy/net/sockets.h"

namespace flagmesh::net {
namespace {

// Allows so many more descriptors than there are, for a while.
class FewDescriptors {
 public:
  explicit FewDescriptors(int more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next + more);
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(DescriptorReserveTest, GivesOneAndTakesItBack) {
  DescriptorReserve reserve;
  const FewDescriptors none(0);
  EXPECT_LT(dup(0), 0);
  ASSERT_TRUE(reserve.spend());
  const int fd = dup(0);
  EXPECT_GE(fd, 0);
  EXPECT_FALSE(reserve.spend()) << "it is in use";
  close(fd);
  reserve.refill();
  EXPECT_LT(dup(0), 0);
  EXPECT_TRUE(reserve.spend());
}

TEST(DescriptorReserveTest, AListenerTellsWhoWaitsThatThereIsNoneLeft) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "UBSan looks through a pipe at what a pointer points to, and takes the missing descriptor for a bad object";
#endif
  const std::unique_ptr<event::Loop> loop = event::Loop::create().value();
  DescriptorReserve reserve;
  Counter refused;
  int accepted = 0;
  Listener listener(*loop, listen_on(*Address::parse("127.0.0.1:0"), {}).value(),
                    [&](int fd, const Address&) {
                      ++accepted;
                      close(fd);
                    });
  listener.refuse_with(
      reserve, [] { return std::string("503"); }, refused);
  const Address where = listener.socket()->address();
  std::vector<int> callers;
  for (int i = 0; i < 3; ++i) {
    callers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(callers.back(), where.data(), where.size()), 0);
  }
  ASSERT_TRUE(listener.start());
  {
    const FewDescriptors none(0);
    EXPECT_TRUE(run_until(*loop, [&] { return refused.value() == 3; }));
  }
  for (const int caller : callers) {
    EXPECT_EQ(hear(caller), "503");
    close(caller);
  }
  EXPECT_EQ(accepted, 0);
}

}  // namespace
}  // namespace flagmesh::net
