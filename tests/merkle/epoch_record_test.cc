#include "merkle/epoch_record.h"

#include <gtest/gtest.h>

#include "merkle/encoding.h"

namespace flagmesh::merkle {
namespace {

// The vector of docs/formats.md, "Epoch record".
TEST(EpochRecord, Vector) {
  EpochRecord record;
  record.epoch = 1;
  record.time_ms = 1700000000123;
  record.state_root =
      Hash::from_hex("0cdff814945722c2a1d58f5457b1042fd51f80184a5a489af739f2ac57781c66").value();
  record.flags = 2;
  record.author = AuthorId::from_hex("000102030405060708090a0b0c0d0e0f").value();
  Hash opening;
  opening.bytes.fill(0x11);
  record.change = change_commitment(opening, "change");
  EXPECT_EQ(
      hex_encode(record.serialize()),
      "0100000000000000010000018bcfe5687b0cdff814945722c2a1d58f5457b1042fd51f80184a5a489af739f2"
      "ac57781c660000000000000002000102030405060708090a0b0c0d0e0fe1a4a832bf77706974a04f1a584910"
      "c278538369da470bf842b7cfae40c55999");
  EXPECT_EQ(record.leaf().hex(),
            "c946c993d9a851c7ae966c48d511692a74d8c540f2c8ca49055d5825f173c977");
  EXPECT_EQ(EpochRecord::parse(record.serialize()).value(), record);
}

TEST(EpochRecord, MalformedIsRefused) {
  EpochRecord record;
  record.epoch = 7;
  const std::string good = record.serialize();
  ASSERT_TRUE(EpochRecord::parse(good));
  EXPECT_FALSE(EpochRecord::parse(""));
  EXPECT_FALSE(EpochRecord::parse(good.substr(1)));
  EXPECT_FALSE(EpochRecord::parse(good + "x"));
  EXPECT_FALSE(EpochRecord::parse("\x02" + good.substr(1)));
  record.epoch = 0;
  EXPECT_EQ(EpochRecord::parse(record.serialize()).error().code, "bad_record");
  record.epoch = uint64_t{1} << 53;
  EXPECT_FALSE(EpochRecord::parse(record.serialize()));
  record.epoch--;
  EXPECT_TRUE(EpochRecord::parse(record.serialize()));
  record.time_ms = UINT64_MAX;
  EXPECT_FALSE(EpochRecord::parse(record.serialize()));
}

TEST(EpochRecord, AuthorIdIsStrict) {
  EXPECT_EQ(AuthorId::from_hex("000102030405060708090a0b0c0d0e0f").value().hex(),
            "000102030405060708090a0b0c0d0e0f");
  EXPECT_FALSE(AuthorId::from_hex("00"));
  EXPECT_FALSE(AuthorId::from_hex("000102030405060708090A0B0C0D0E0F"));
}

}  // namespace
}  // namespace flagmesh::merkle
