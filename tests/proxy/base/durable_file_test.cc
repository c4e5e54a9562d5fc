#include "proxy/base/durable_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace flagmesh {
namespace {

class DurableFile : public testing::Test {
 protected:
  DurableFile() {
    std::string name = testing::TempDir() + "durable_XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~DurableFile() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(DurableFile, ReplacesWhole) {
  const std::string path = folder_ + "/state";
  const Result<std::optional<std::string>> none = read_if_exists(path, 10);
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  ASSERT_TRUE(write_durably(path, "first content"));
  ASSERT_TRUE(write_durably(path, "second"));
  EXPECT_EQ(read_if_exists(path, 10)->value(), "second");
  ASSERT_TRUE(write_atomically(path, ""));
  EXPECT_EQ(read_if_exists(path, 10)->value(), "");
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST_F(DurableFile, LimitIsExact) {
  const std::string path = folder_ + "/state";
  ASSERT_TRUE(write_atomically(path, std::string(40000, 'x')));
  EXPECT_EQ(read_if_exists(path, 40000)->value().size(), 40000u);
  EXPECT_EQ(read_if_exists(path, 39999).error().code, "too_large");
}

TEST_F(DurableFile, FailuresLeaveTheOldContent) {
  const std::string path = folder_ + "/state";
  ASSERT_TRUE(write_durably(path, "old"));
  ASSERT_TRUE(std::filesystem::create_directory(path + ".new"));
  EXPECT_EQ(write_durably(path, "new").error().code, "write_failed");
  EXPECT_EQ(read_if_exists(path, 10)->value(), "old");
  EXPECT_EQ(write_durably(folder_ + "/no/such", "x").error().code, "write_failed");
  EXPECT_EQ(read_if_exists(folder_, 10).error().code, "read_failed");
}

TEST_F(DurableFile, MakesFolders) {
  ASSERT_TRUE(make_folders(folder_ + "/a/b/c"));
  ASSERT_TRUE(make_folders(folder_ + "/a/b/c"));
  struct stat status {};
  ASSERT_EQ(stat((folder_ + "/a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_TRUE(write_atomically(folder_ + "/file", "x"));
  EXPECT_EQ(make_folders(folder_ + "/file/a").error().code, "write_failed");
}

TEST_F(DurableFile, LockIsExclusive) {
  {
    Result<FolderLock> lock = FolderLock::take(folder_);
    ASSERT_TRUE(lock);
    EXPECT_EQ(FolderLock::take(folder_).error().code, "locked");
    FolderLock moved(std::move(*lock));
    EXPECT_EQ(FolderLock::take(folder_).error().code, "locked");
  }
  EXPECT_TRUE(FolderLock::take(folder_));
  EXPECT_EQ(FolderLock::take(folder_ + "/none").error().code, "write_failed");
}

}  // namespace
}  // namespace flagmesh
