#include "merkle/epoch_log.h"

#include <gtest/gtest.h>

#include "merkle/proof.h"

namespace flagmesh::merkle {
namespace {

EpochRecord record(uint64_t epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.time_ms = 1700000000000 + epoch;
  record.state_root = sha256(std::to_string(epoch));
  record.flags = epoch * 2;
  return record;
}

TEST(EpochLog, GrowsByOne) {
  EpochLog log;
  EXPECT_EQ(log.append(record(2)).error().code, "bad_epoch");
  EXPECT_TRUE(log.append(record(1)));
  EXPECT_EQ(log.append(record(1)).error().code, "bad_epoch");
  EXPECT_EQ(log.append(record(3)).error().code, "bad_epoch");
  EpochRecord older = record(2);
  older.time_ms = record(1).time_ms - 1;
  EXPECT_EQ(log.append(older).error().code, "time_went_back");
  older.time_ms++;
  EXPECT_TRUE(log.append(older));
  EXPECT_EQ(log.size(), 2u);
  EXPECT_EQ(log.last(), older);
  EXPECT_EQ(log.record(1), record(1));
}

TEST(EpochLog, ProvesEveryEpochAndEveryPast) {
  EpochLog log;
  for (uint64_t epoch = 1; epoch <= 20; epoch++) ASSERT_TRUE(log.append(record(epoch)));
  for (uint64_t size = 1; size <= 20; size++) {
    Checkpoint checkpoint = log.checkpoint("o", size);
    EXPECT_EQ(checkpoint.size, size);
    for (uint64_t epoch = 1; epoch <= size; epoch++) {
      EXPECT_TRUE(verify_inclusion(record(epoch).leaf(), epoch - 1, size,
                                   log.inclusion(epoch, size), checkpoint.root));
      EXPECT_TRUE(verify_consistency(epoch, size, log.root_at(epoch), checkpoint.root,
                                     log.consistency(epoch, size)));
    }
    CompactRange range = log.compact_range(size);
    for (uint64_t epoch = size + 1; epoch <= 20; epoch++) range.append(record(epoch).leaf());
    EXPECT_EQ(range.root(), log.root());
  }
}

}  // namespace
}  // namespace flagmesh::merkle
