// Power cuts under the engine's epoch log.
#include "merkle/epoch_log_file.h"

#include <gtest/gtest.h>

#include "proxy/base/durable_file.h"
#include "tests/durability/every_sync.h"

namespace flagmesh::merkle {
namespace {

EpochRecord record_of(uint64_t epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.time_ms = 1'000 + epoch;
  record.state_root = sha256("state " + std::to_string(epoch));
  return record;
}

TEST(EpochLogFileCut, HasEveryRecordThatWasAppended) {
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  const std::string path = folder.path() + "/engine/epoch.log";
  ASSERT_TRUE(make_folders(folder.path() + "/engine"));
  for (uint64_t run = 0; run < 2; ++run) {
    Result<EpochLogFile> file = EpochLogFile::open(path);
    ASSERT_TRUE(file);
    for (uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(file->append(record_of(run * 3 + i)));
      disk.promise(run * 3 + i);
    }
  }
  disk.stop();
  expect_every_sync_needed(disk, [](const std::string& found, uint64_t promised) {
    if (!std::filesystem::exists(found + "/engine")) return promised == 0;
    Result<EpochLogFile> file = EpochLogFile::open(found + "/engine/epoch.log");
    if (!file || file->log().size() < promised) return false;
    for (uint64_t epoch = 1; epoch <= file->log().size(); ++epoch) {
      if (file->log().record(epoch) != record_of(epoch)) return false;
    }
    return file->append(record_of(file->log().size() + 1)).has_value();
  });
}

// A log that goes on as another one: what was there, or all of the new one.
TEST(EpochLogFileCut, GoesOnFromWhatWasRecovered) {
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  ASSERT_TRUE(make_folders(folder.path() + "/engine"));
  Result<EpochLogFile> file = EpochLogFile::open(folder.path() + "/engine/epoch.log");
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->append(record_of(1)));
  disk.promise(1);
  const std::vector<Hash> leaves{record_of(2).leaf(), record_of(3).leaf()};
  ASSERT_TRUE(file->recover(1, leaves, record_of(4)));
  disk.promise(4);
  ASSERT_TRUE(file->recover(4, {}, record_of(5)));
  disk.promise(5);
  disk.stop();
  expect_every_sync_needed(disk, [](const std::string& found, uint64_t promised) {
    if (!std::filesystem::exists(found + "/engine")) return promised == 0;
    Result<EpochLogFile> file = EpochLogFile::open(found + "/engine/epoch.log");
    if (!file || file->log().size() < promised) return false;
    for (uint64_t epoch = 1; epoch <= file->log().size(); ++epoch) {
      if (file->log().leaf(epoch) != record_of(epoch).leaf()) return false;
    }
    return file->append(record_of(file->log().size() + 1)).has_value();
  });
}

}  // namespace
}  // namespace flagmesh::merkle
