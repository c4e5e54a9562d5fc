#include "control/snapshot/byte_reader.h"

#include <gtest/gtest.h>

namespace flagmesh::snapshot {
namespace {

TEST(ByteReader, ReadsBigEndian) {
  const std::string bytes("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0fxyz", 18);
  ByteReader in(bytes);
  EXPECT_EQ(in.u8(), 0x01U);
  EXPECT_EQ(in.u16(), 0x0203U);
  EXPECT_EQ(in.u32(), 0x04050607U);
  EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fU);
  EXPECT_EQ(in.take(3), "xyz");
  EXPECT_TRUE(in.at_end());
  EXPECT_TRUE(in.end("text"));
}

TEST(ByteReader, TheFirstProblemStopsItAndIsTold) {
  ByteReader in("abc");
  EXPECT_EQ(in.u16(), 0x6162U);
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0U);  // although there would be one
  in.fail("is something else");
  const Status end = in.end("delta");
  EXPECT_EQ(end.error().code, "bad_state");
  EXPECT_EQ(end.error().message, "the delta ends early");
  EXPECT_EQ(end.error().place, "byte 2");
}

TEST(ByteReader, BytesLeftOverAreAProblem) {
  ByteReader in("abc");
  in.take(2);
  EXPECT_FALSE(in.end("delta"));
}

TEST(ByteReader, CountsAreHeldAgainstWhatIsLeft) {
  ByteReader in("0123456789");
  EXPECT_EQ(in.count(5, 100, 2, "things"), 5U);
  EXPECT_EQ(in.count(6, 100, 2, "things"), 0U);
  EXPECT_FALSE(in.ok());
  ByteReader other("0123456789");
  EXPECT_EQ(other.count(5, 4, 1, "things"), 0U);
  EXPECT_FALSE(other.ok());
}

}  // namespace
}  // namespace flagmesh::snapshot
