// Engines that find a head in force which is not of their log.
#include <gtest/gtest.h>

#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

class EpochRecoveryTest : public EngineTest {
 protected:
  ~EpochRecoveryTest() override { other_.reset(); }

  void start_other() {
    EngineOptions options = this->options();
    options.state_dir = folder_ + "/other";
    auto engine = Engine::create(*loop_, carrier(), std::move(options));
    ASSERT_TRUE(engine) << engine.error().text();
    other_ = std::move(*engine);
    ASSERT_TRUE(other_->start());
  }
  Result<uint64_t> change_by(Engine& engine, int on) {
    std::optional<Result<uint64_t>> result;
    engine.change("checkout", rollout(on), "test", [&](Result<uint64_t> epoch) { result = epoch; });
    EXPECT_TRUE(pump([&] { return result.has_value(); }));
    return result.value_or(fail("timed_out", ""));
  }
  static int share_of(const Engine& engine) {
    const auto weights = flags::rollout_of(engine.flags().find("checkout")->definition);
    return weights ? static_cast<int>(weights->front().second) : -1;
  }

  std::unique_ptr<Engine> other_;
};

TEST_F(EpochRecoveryTest, ALostDiskIsRecoveredFromTheCarrier) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(40)));
  ASSERT_TRUE(change("checkout", rollout(41)));
  const merkle::Hash root = engine_->epochs().log().root();
  engine_.reset();
  std::filesystem::remove_all(folder_ + "/state");
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(engine_->epochs().log().root(), root);
  EXPECT_EQ(share(), 41) << "what the API changed is not lost with the disk";
  EXPECT_FALSE(engine_->not_ready());
  ASSERT_TRUE(change("checkout", rollout(42)));
  EXPECT_EQ(engine_->epochs().epoch(), 4u);
  EXPECT_EQ(published_share(), 42);
  // The recovered log is what the next start finds.
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 4; }));
  EXPECT_EQ(share(), 42);
}

TEST_F(EpochRecoveryTest, AnOldCopyOfTheDiskCatchesUp) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(40)));
  engine_.reset();
  std::filesystem::copy(folder_ + "/state", folder_ + "/copy", std::filesystem::copy_options::recursive);
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  for (int on = 50; on < 55; ++on) ASSERT_TRUE(change("checkout", rollout(on)));
  engine_.reset();
  std::filesystem::remove_all(folder_ + "/state");
  std::filesystem::rename(folder_ + "/copy", folder_ + "/state");
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 7; }));
  EXPECT_EQ(share(), 54);
  ASSERT_TRUE(change("checkout", rollout(60)));
}

TEST_F(EpochRecoveryTest, AnEngineBesideTheActiveOneFollowsAndTakesOver) {
  start_and_publish();
  start_other();
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 1; }));
  for (int on = 30; on < 34; ++on) {
    ASSERT_TRUE(change_by(*engine_, on));
    ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == engine_->epochs().epoch(); }));
    EXPECT_EQ(share_of(*other_), on);
  }
  engine_.reset();
  ASSERT_TRUE(change_by(*other_, 50));
  EXPECT_EQ(other_->epochs().epoch(), 6u);
  // The first one comes back behind it, and follows.
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 6; }));
  EXPECT_EQ(share(), 50);
  ASSERT_TRUE(change_by(*engine_, 51));
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 7; }));
  EXPECT_EQ(engine_->epochs().log().root(), other_->epochs().log().root());
}

// Both at once: one of them publishes, and no log forks.
TEST_F(EpochRecoveryTest, TwoThatPublishAtOnceDoNotFork) {
  start_and_publish();
  start_other();
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 1; }));
  int done = 0;
  for (int round = 0; round < 5; ++round) {
    const auto count = [&](const Result<uint64_t>&) { ++done; };
    engine_->change("checkout", rollout(30 + round), "test", count);
    other_->change("checkout", rollout(60 + round), "test", count);
    ASSERT_TRUE(pump([&] { return done == 2 * (round + 1); }));
  }
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().root() == other_->epochs().log().root(); }));
  EXPECT_GE(engine_->epochs().epoch(), 6u);
}

}  // namespace
}  // namespace flagmesh::engine
