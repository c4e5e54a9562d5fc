#include "control/engine/epoch_cycle.h"

#include "tests/control/engine/engine_fixture.h"
#include "tests/control/engine/flaky_carrier.h"

namespace flagmesh::engine {
namespace {

class EpochCycleTest : public EngineTest {
 protected:
  void start_flaky() {
    auto carrier = std::make_unique<FlakyCarrier>(*loop_, bus_);
    carrier_ = carrier.get();
    auto engine = Engine::create(*loop_, std::move(carrier), options());
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    ASSERT_TRUE(engine_->start());
  }

  FlakyCarrier* carrier_ = nullptr;
};

TEST_F(EpochCycleTest, ACarrierThatIsAwayOnlyDelays) {
  start_flaky();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  carrier_->set_away(true);
  int answers = 0;
  for (int on = 30; on < 33; ++on) {
    engine_->change("checkout", rollout(on), "test", [&](Result<uint64_t> epoch) {
      ++answers;
      EXPECT_EQ(epoch.error().code, "not_published_yet");
    });
  }
  ASSERT_TRUE(pump([&] { return answers == 3; }));
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
  EXPECT_TRUE(engine_->not_ready());
  carrier_->set_away(false);
  ASSERT_TRUE(pump([&] { return engine_->epochs().idle(); }));
  EXPECT_EQ(published_share(), 32);
  EXPECT_LE(engine_->epochs().log().size(), 3u);
  EXPECT_FALSE(engine_->not_ready());
}

TEST_F(EpochCycleTest, WhatWaitedForACarrierSurvivesARestart) {
  start_flaky();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  carrier_->set_away(true);
  int answers = 0;
  const auto counted = [&](const Result<uint64_t>&) { ++answers; };
  engine_->change("checkout", rollout(40), "test", counted);
  engine_->change("checkout", rollout(41), "test", counted);
  ASSERT_TRUE(pump([&] { return answers == 2; }));
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().idle() && engine_->epochs().epoch() > 1; }));
  EXPECT_EQ(published_share(), 41);
}

TEST_F(EpochCycleTest, AReservationByAnotherIsAnObstacleThatIsSaid) {
  start_flaky();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  carrier_->reserved_by_another = true;
  engine_->change("checkout", rollout(40), "test", {});
  ASSERT_TRUE(pump([&] { return engine_->epochs().obstacle() != nullptr; }));
  EXPECT_EQ(engine_->epochs().obstacle()->code, "reserved");
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
  carrier_->reserved_by_another = false;
  carrier_->set_away(false);
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(engine_->epochs().log().size(), 2u);
}

TEST_F(EpochCycleTest, TheHistoryCommitsToTheLog) {
  start_flaky();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  ASSERT_TRUE(change("checkout", rollout(40)));
  const merkle::EpochRecord record = engine_->epochs().log().last();
  engine_.reset();
  auto history = History::open(folder_ + "/state/history");
  ASSERT_TRUE(history);
  const auto entries = history->take_entries();
  ASSERT_FALSE(entries.empty());
  EXPECT_EQ(entries.back().epoch, 2u);
  EXPECT_EQ(entries.back().commitment(), record.change);
  EXPECT_EQ(entries.back().author_id().hex(), record.author.hex());
  EXPECT_EQ(entries.back().changes[0].what, "rollout on=40,off=60");
}

TEST_F(EpochCycleTest, ACandidateIsShownAgainWhenTheCarrierComesBack) {
  with_validator_ = true;
  start_flaky();
  ASSERT_TRUE(pump([&] { return carrier_->candidates == 1; }));
  carrier_->set_away(true);
  carrier_->set_away(false);
  ASSERT_TRUE(pump([&] { return carrier_->candidates == 2; }));
}

}  // namespace
}  // namespace flagmesh::engine
