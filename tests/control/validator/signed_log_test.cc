#include "control/validator/signed_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "merkle/epoch_log.h"

namespace flagmesh::validator {
namespace {

class SignedLogTest : public testing::Test {
 protected:
  SignedLogTest() {
    char name[] = "/tmp/flagmesh-signed-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~SignedLogTest() override { std::filesystem::remove_all(folder_); }

  static merkle::EpochLog log_of(uint64_t size, uint8_t salt = 0) {
    merkle::EpochLog log;
    for (uint64_t epoch = 1; epoch <= size; ++epoch) {
      merkle::EpochRecord record;
      record.epoch = epoch;
      record.flags = salt;
      EXPECT_TRUE(log.append(record));
    }
    return log;
  }
  static snapshot::LogStep step(const merkle::EpochLog& log, uint64_t from) {
    snapshot::LogStep step;
    step.from = from;
    for (uint64_t epoch = from + 1; epoch < log.size(); ++epoch) {
      step.skipped.push_back(log.record(epoch).leaf());
    }
    step.record = log.last();
    return step;
  }

  std::string folder_;
};

TEST_F(SignedLogTest, FollowsOneHistoryAcrossRestarts) {
  const merkle::EpochLog log = log_of(9);
  {
    auto first = SignedLog::open(folder_);
    ASSERT_TRUE(first) << first.error().text();
    const merkle::EpochLog three = log_of(3);
    auto range = first->follow(step(three, 0), {}, three.checkpoint("o"));
    ASSERT_TRUE(range) << range.error().text();
    ASSERT_TRUE(first->advance(*range));
    EXPECT_EQ(SignedLog::open(folder_).error().code, "locked");
  }
  auto again = SignedLog::open(folder_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->size(), 3u);
  EXPECT_EQ(again->root(), log.root_at(3));
  for (const uint64_t from : {0u, 1u, 3u}) {
    EXPECT_TRUE(again->follow(step(log, from), {}, log.checkpoint("o"))) << from;
  }
  EXPECT_EQ(again->follow(step(log, 4), {}, log.checkpoint("o")).error().code, "gap");
  const merkle::EpochLog two = log_of(2);
  EXPECT_EQ(again->follow(step(two, 0), {}, two.checkpoint("o")).error().code, "rollback");
  const merkle::EpochLog fork = log_of(3, 1);
  EXPECT_EQ(again->follow(step(fork, 0), {}, fork.checkpoint("o")).error().code, "fork");
  const merkle::EpochLog other = log_of(9, 1);
  EXPECT_EQ(again->follow(step(other, 3), {}, other.checkpoint("o")).error().code,
            "inconsistent_log");
  const merkle::EpochLog same = log_of(3);
  EXPECT_TRUE(again->follow(step(same, 0), {}, same.checkpoint("o")));
}

TEST_F(SignedLogTest, RefusesToForget) {
  { ASSERT_TRUE(SignedLog::open(folder_)); }
  std::ofstream(folder_ + "/signed") << "flagmesh signed log 1\nAAAA\n";
  EXPECT_EQ(SignedLog::open(folder_).error().code, "corrupt_state");
}

}  // namespace
}  // namespace flagmesh::validator
