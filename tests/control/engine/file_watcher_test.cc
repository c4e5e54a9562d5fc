#include "control/engine/file_watcher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace flagmesh::engine {
namespace {

class FileWatcherTest : public testing::Test {
 protected:
  FileWatcherTest() : loop_(*event::Loop::create()) {
    char name[] = "/tmp/flagmesh-watch-XXXXXX";
    folder_ = mkdtemp(name);
    file_ = folder_ + "/a.yaml";
    std::ofstream(file_) << "one";
    watcher_ = std::make_unique<FileWatcher>(
        *loop_, [this] { return std::vector<std::string>{file_}; }, [this] { ++changes_; });
    EXPECT_TRUE(watcher_->start());
  }
  ~FileWatcherTest() override { std::filesystem::remove_all(folder_); }

  bool changes_come(MonoMs within) {
    const int before = changes_;
    const MonoMs deadline = mono_ms() + within;
    while (changes_ == before && mono_ms() < deadline) loop_->run_once(10);
    return changes_ > before;
  }

  std::unique_ptr<event::Loop> loop_;
  std::string folder_;
  std::string file_;
  std::unique_ptr<FileWatcher> watcher_;
  int changes_ = 0;
};

TEST_F(FileWatcherTest, TellsOfWritesRenamesAndRemovalsOnceForABurst) {
  EXPECT_FALSE(changes_come(100));
  for (int i = 0; i < 20; ++i) std::ofstream(file_) << i;
  EXPECT_TRUE(changes_come(1'000));
  EXPECT_FALSE(changes_come(200));
  std::ofstream(folder_ + "/new") << "two";
  std::filesystem::rename(folder_ + "/new", file_);
  EXPECT_TRUE(changes_come(1'000));
  std::filesystem::remove(file_);
  EXPECT_TRUE(changes_come(1'000));
}

TEST_F(FileWatcherTest, FollowsALinkThatIsSwapped) {
  std::filesystem::create_directories(folder_ + "/v1");
  std::filesystem::create_directories(folder_ + "/v2");
  std::ofstream(folder_ + "/v1/f") << "1";
  std::ofstream(folder_ + "/v2/f") << "2";
  std::filesystem::create_symlink("v1", folder_ + "/..data");
  EXPECT_TRUE(changes_come(1'000));
  std::filesystem::create_symlink("v2", folder_ + "/..tmp");
  std::filesystem::rename(folder_ + "/..tmp", folder_ + "/..data");
  EXPECT_TRUE(changes_come(1'000));
}

TEST_F(FileWatcherTest, LooksByItselfWhereTheKernelDoesNotTell) {
  const std::string elsewhere = folder_ + "/below/b.yaml";
  file_ = elsewhere;  // its folder is not there yet, so nothing watches it
  std::filesystem::create_directories(folder_ + "/below");
  while (changes_come(300)) {
  }
  std::ofstream(elsewhere) << "one";
  EXPECT_TRUE(changes_come(FileWatcher::kRescanMs + 1'000));
}

}  // namespace
}  // namespace flagmesh::engine
