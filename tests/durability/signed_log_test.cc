// Power cuts under what a validator has put its name to.
#include "control/validator/signed_log.h"

#include <gtest/gtest.h>

#include "merkle/epoch_log.h"
#include "tests/durability/every_sync.h"

namespace flagmesh::validator {
namespace {

merkle::EpochLog log_of(uint64_t size) {
  merkle::EpochLog log;
  for (uint64_t epoch = 1; epoch <= size; ++epoch) {
    merkle::EpochRecord record;
    record.epoch = epoch;
    EXPECT_TRUE(log.append(record));
  }
  return log;
}

// A validator cosigns only what advance() has made durable: it never forgets that it did.
TEST(SignedLogCut, NeverForgetsWhatItCosigned) {
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  for (uint64_t run = 0; run < 2; ++run) {
    auto signed_log = SignedLog::open(folder.path() + "/validator");
    ASSERT_TRUE(signed_log) << signed_log.error().text();
    for (uint64_t i = 1; i <= 3; ++i) {
      const uint64_t size = run * 3 + i;
      PolicyMemory memory;
      memory.moves.push_back({100, size, static_cast<uint32_t>(size), "default", "checkout"});
      ASSERT_TRUE(signed_log->advance(log_of(size).compact_range(size), memory, {size, {}}));
      disk.promise(size);
    }
  }
  disk.stop();
  expect_every_sync_needed(disk, [](const std::string& found, uint64_t promised) {
    if (!std::filesystem::exists(found + "/validator")) return promised == 0;
    const auto signed_log = SignedLog::open(found + "/validator");
    if (!signed_log || signed_log->size() < promised) return false;
    const uint64_t size = signed_log->size();
    if (size == 0) return true;
    return signed_log->root() == log_of(size).root() && signed_log->memory().moves.size() == 1 &&
           signed_log->memory().moves[0].epoch == size && signed_log->head().size == size;
  });
}

}  // namespace
}  // namespace flagmesh::validator
