#include "proxy/base/counter.h"

#include <gtest/gtest.h>

#include <thread>

namespace flagmesh {
namespace {

TEST(Counter, AddsAndSubtracts) {
  Counter counter;
  counter.add();
  counter.add(5);
  counter.sub(2);
  EXPECT_EQ(counter.value(), 4u);
}

TEST(Counter, IsReadFromAnotherThread) {
  Counter counter;
  std::thread reader([&] {
    uint64_t last = 0;
    while (last < 100000) {
      const uint64_t now = counter.value();
      ASSERT_GE(now, last);
      last = now;
    }
  });
  for (int i = 0; i < 100000; ++i) counter.add();
  reader.join();
}

}  // namespace
}  // namespace flagmesh
