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

}  // namespace
}  // namespace flagmesh::merkle
