#include "proxy/base/buffer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace flagmesh {
namespace {

TEST(Buffer, IsAQueue) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
  buffer.append("");
  EXPECT_TRUE(buffer.empty());
  buffer.append("hello ");
  buffer.append("world");
  buffer.consume(3);
  EXPECT_EQ(buffer.view(), "lo world");
  buffer.consume(8);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view().data(), nullptr);  // its memory is given back
}

TEST(Buffer, LikeAString) {
  std::mt19937 random(1);
  Buffer buffer;
  std::string model;
  char next = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0 || model.empty()) {
      std::string piece(random() % 300, ' ');
      for (char& c : piece) c = next++;
      buffer.append(piece);
      model += piece;
    } else {
      const size_t bytes = random() % (model.size() + 1);
      buffer.consume(bytes);
      model.erase(0, bytes);
    }
    ASSERT_EQ(buffer.view(), model);
    ASSERT_EQ(buffer.size(), model.size());
  }
}

TEST(Buffer, Moves) {
  Buffer a;
  a.append("abc");
  Buffer b(std::move(a));
  EXPECT_EQ(b.view(), "abc");
  Buffer c;
  c.append("x");
  c = std::move(b);
  EXPECT_EQ(c.view(), "abc");
  c.clear();
  EXPECT_TRUE(c.empty());
}

}  // namespace
}  // namespace flagmesh
