#include "merkle/epoch_log_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/merkle/temp_folder.h"

namespace flagmesh::merkle {
namespace {

constexpr size_t kHeaderBytes = 21;
constexpr size_t kFrameBytes = kEpochRecordBytes + 8;

EpochRecord record(uint64_t epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.time_ms = 1700000000000 + epoch;
  return record;
}

// A log of `count` records; its bytes.
std::string write_log(const std::string& path, uint64_t count) {
  EpochLogFile file = EpochLogFile::open(path).value();
  for (uint64_t epoch = 1; epoch <= count; epoch++) EXPECT_TRUE(file.append(record(epoch)));
  return read_bytes(path);
}

TEST(EpochLogFile, KeepsItsRecords) {
  TempFolder folder;
  std::string path = folder.file("epochs");
  Hash root;
  {
    EpochLogFile file = EpochLogFile::open(path).value();
    for (uint64_t epoch = 1; epoch <= 5; epoch++) ASSERT_TRUE(file.append(record(epoch)));
    EXPECT_EQ(file.append(record(5)).error().code, "bad_epoch");
    root = file.log().root();
  }
  EpochLogFile file = EpochLogFile::open(path).value();
  EXPECT_EQ(file.log().size(), 5u);
  EXPECT_EQ(file.log().root(), root);
  EXPECT_EQ(file.cut_bytes(), 0u);
  EXPECT_TRUE(file.append(record(6)));
}

TEST(EpochLogFile, HasOneWriter) {
  TempFolder folder;
  EpochLogFile first = EpochLogFile::open(folder.file("epochs")).value();
  EXPECT_EQ(EpochLogFile::open(folder.file("epochs")).error().code, "locked");
  EpochLogFile moved = std::move(first);
  EXPECT_EQ(EpochLogFile::open(folder.file("epochs")).error().code, "locked");
}

// A crash while the third record is written leaves any beginning of its frame.
TEST(EpochLogFile, ATornEndIsCut) {
  TempFolder folder;
  const std::string whole = write_log(folder.file("whole"), 3);
  ASSERT_EQ(whole.size(), kHeaderBytes + 3 * kFrameBytes);
  for (size_t size = kHeaderBytes + 2 * kFrameBytes; size < whole.size(); size++) {
    std::string path = folder.file("torn" + std::to_string(size));
    write_bytes(path, whole.substr(0, size));
    {
      EpochLogFile file = EpochLogFile::open(path).value();
      ASSERT_EQ(file.log().size(), 2u) << size;
      EXPECT_EQ(file.cut_bytes(), size - kHeaderBytes - 2 * kFrameBytes);
      ASSERT_TRUE(file.append(record(3)));
    }
    EXPECT_EQ(read_bytes(path), whole);
  }
}

TEST(EpochLogFile, ATornHeaderIsWrittenAgain) {
  TempFolder folder;
  const std::string whole = write_log(folder.file("whole"), 1);
  for (size_t size = 0; size < kHeaderBytes; size++) {
    std::string path = folder.file("torn" + std::to_string(size));
    write_bytes(path, whole.substr(0, size));
    EXPECT_EQ(write_log(path, 1), whole);
  }
}

// The file grew before its data came: the last frame is there, but not what was written.
TEST(EpochLogFile, AnEndOfZerosIsCut) {
  TempFolder folder;
  std::string path = folder.file("epochs");
  write_bytes(path, write_log(path, 2) + std::string(kFrameBytes, '\0'));
  EpochLogFile file = EpochLogFile::open(path).value();
  EXPECT_EQ(file.log().size(), 2u);
  EXPECT_EQ(file.cut_bytes(), kFrameBytes);
}

TEST(EpochLogFile, DamageBeforeTheEndIsRefused) {
  TempFolder folder;
  const std::string whole = write_log(folder.file("whole"), 3);
  for (size_t at :
       {size_t{0}, kHeaderBytes, kHeaderBytes + 50, kHeaderBytes + 2 * kFrameBytes - 1}) {
    std::string path = folder.file("damaged" + std::to_string(at));
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    write_bytes(path, bytes);
    EXPECT_EQ(EpochLogFile::open(path).error().code, "corrupt_log") << at;
    EXPECT_EQ(read_bytes(path), bytes);
  }
}

// Whole records in the wrong order or number are no crash's doing either, wherever they are.
TEST(EpochLogFile, AForeignRecordIsRefused) {
  TempFolder folder;
  const std::string whole = write_log(folder.file("whole"), 3);
  std::string path = folder.file("repeated");
  write_bytes(path, whole + whole.substr(whole.size() - kFrameBytes));
  EXPECT_EQ(EpochLogFile::open(path).error().code, "corrupt_log");
  write_bytes(path, "another file\n");
  EXPECT_EQ(EpochLogFile::open(path).error().code, "corrupt_log");
}

// A full disk in the middle of a frame: nothing is in the log that is not on the disk, nothing more
// is written behind the torn frame, and opening the file again mends it.
TEST(EpochLogFile, AFailedWriteEndsWriting) {
  TempFolder folder;
  std::string path = folder.file("epochs");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto handler = signal(SIGXFSZ, SIG_IGN);
  {
    EpochLogFile file = EpochLogFile::open(path).value();
    ASSERT_TRUE(file.append(record(1)));
    rlimit small = before;
    small.rlim_cur = kHeaderBytes + kFrameBytes + 40;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_EQ(file.append(record(2)).error().code, "write_failed");
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(file.append(record(2)).error().code, "write_failed");
    EXPECT_EQ(file.log().size(), 1u);
  }
  signal(SIGXFSZ, handler);
  EpochLogFile file = EpochLogFile::open(path).value();
  EXPECT_EQ(file.cut_bytes(), 40u);
  EXPECT_TRUE(file.append(record(2)));
}

TEST(EpochLogFile, AnAbsentFolderIsNamed) {
  TempFolder folder;
  EXPECT_EQ(EpochLogFile::open(folder.file("no/such")).error().code, "open_failed");
}

// A log whose disk was lost goes on from the leaves that others have.
TEST(EpochLogFile, GoesOnFromLeavesThatWereRecovered) {
  const TempFolder folder;
  const std::string path = folder.file("epoch.log");
  EpochLog whole;
  std::vector<Hash> leaves;
  for (uint64_t epoch = 1; epoch <= 6; ++epoch) {
    EpochRecord record;
    record.epoch = epoch;
    record.time_ms = epoch;
    ASSERT_TRUE(whole.append(record));
    leaves.push_back(record.leaf());
  }
  {
    auto file = EpochLogFile::open(path);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->append(whole.record(1)));
    EpochRecord never_claimed = whole.record(2);
    never_claimed.flags = 9;
    ASSERT_TRUE(file->append(never_claimed));
    ASSERT_TRUE(file->recover(1, std::span(leaves).subspan(1, 3), whole.record(5)));
    EXPECT_EQ(file->log().root(), whole.root_at(5));
    EXPECT_EQ(EpochLogFile::open(path).error().code, "locked");
    ASSERT_TRUE(file->append(whole.record(6)));
  }
  auto again = EpochLogFile::open(path);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->log().root(), whole.root());
  EXPECT_EQ(again->cut_bytes(), 0u);
  ASSERT_NE(again->log().find(1), nullptr);
  EXPECT_EQ(again->log().find(3), nullptr);
  EXPECT_EQ(again->log().leaf(3), leaves[2]);
  ASSERT_NE(again->log().find(5), nullptr);
}

}  // namespace
}  // namespace flagmesh::merkle
