// Engines that find a head in force which is not of their log, and two engines beside each other.
#include <gtest/gtest.h>

#include "control/engine/reservation.h"
#include "merkle/note.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

class EpochRecoveryTest : public EngineTest {
 protected:
  // A heartbeat a second, a lease of three.
  EpochRecoveryTest() { max_age_ms_ = 10'000; }
  ~EpochRecoveryTest() override { other_.reset(); }

  void start_other() {
    EngineOptions options = this->options();
    options.state_dir = folder_ + "/other";
    auto engine = Engine::create(*loop_, carrier(), std::move(options));
    ASSERT_TRUE(engine) << engine.error().text();
    other_ = std::move(*engine);
    ASSERT_TRUE(other_->start());
  }
  void start_other_at(uint64_t epoch) {
    start_other();
    ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == epoch && other_->standing_by(); }));
  }
  Result<uint64_t> change_by(Engine& engine, int on) {
    std::optional<Result<uint64_t>> result;
    engine.change("checkout", rollout(on), "test", [&](Result<uint64_t> epoch) { result = epoch; });
    EXPECT_TRUE(pump([&] { return result.has_value(); }));
    return result.value_or(fail("timed_out", ""));
  }
  static std::string code(const Result<uint64_t>& result) {
    return result ? "done" : result.error().code;
  }
  // A machine that is busy begins the lease anew: so this waits longer than one.
  bool stands_by_no_more(Engine& engine) {
    for (int leases = 0; leases < 4; ++leases) {
      if (pump([&] { return !engine.standing_by(); })) return true;
    }
    return false;
  }
  bool becomes_active(Engine& engine) {
    return stands_by_no_more(engine) && pump([&] { return !engine.not_ready(); });
  }
  static int share_of(const Engine& engine) {
    const auto weights = flags::rollout_of(engine.flags().find("checkout")->definition);
    if (!weights) return -1;
    for (const auto& [name, weight] : *weights) {
      if (name == "on") return static_cast<int>(weight);
    }
    return -1;
  }
  void cosign(const std::string& note_text) {
    const auto note = merkle::Note::parse(note_text);
    ASSERT_TRUE(note);
    const auto checkpoint = merkle::Checkpoint::parse(note->text);
    const auto line = merkle::sign_text(note->text, validator_key(), unix_seconds());
    helper_ = carrier();
    bool done = false;
    helper_->put_cosignature(checkpoint->size, checkpoint->root, "v", line->line(),
                             [&](Status) { done = true; });
    ASSERT_TRUE(pump([&] { return done; }));
  }

  std::unique_ptr<Engine> other_;
  std::unique_ptr<snapshot::Carrier> helper_;
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
  // There may be another engine: for a lease nobody knows.
  EXPECT_EQ(engine_->not_ready()->code, "standby");
  EXPECT_EQ(code(change("checkout", rollout(42))), "standby");
  ASSERT_TRUE(becomes_active(*engine_));
  ASSERT_TRUE(change("checkout", rollout(42)));
  EXPECT_EQ(engine_->epochs().epoch(), 4u);
  EXPECT_EQ(published_share(), 42);
  // The recovered log is what the next start finds, and nobody waits then.
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 4; }));
  EXPECT_FALSE(engine_->standing_by());
  EXPECT_EQ(share(), 42);
}

TEST_F(EpochRecoveryTest, WhatWasRecoveredIsThereAfterARestart) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(40)));
  engine_.reset();
  std::filesystem::remove_all(folder_ + "/state");
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  restart();
  EXPECT_TRUE(engine_->standing_by()) << "it does not forget that";
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(share(), 40);
  ASSERT_TRUE(becomes_active(*engine_));
  EXPECT_EQ(engine_->epochs().epoch(), 2u) << "nothing changed, so nothing was published";
  EXPECT_EQ(share(), 40);
}

TEST_F(EpochRecoveryTest, AnOldCopyOfTheDiskCatchesUp) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(40)));
  engine_.reset();
  std::filesystem::copy(folder_ + "/state", folder_ + "/copy",
                        std::filesystem::copy_options::recursive);
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  for (int on = 50; on < 55; ++on) ASSERT_TRUE(change("checkout", rollout(on)));
  engine_.reset();
  std::filesystem::remove_all(folder_ + "/state");
  std::filesystem::rename(folder_ + "/copy", folder_ + "/state");
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 7; }));
  EXPECT_EQ(share(), 54);
  ASSERT_TRUE(becomes_active(*engine_));
  ASSERT_TRUE(change("checkout", rollout(60)));
}

TEST_F(EpochRecoveryTest, AnEngineBesideTheActiveOneFollowsAndTakesOver) {
  start_and_publish();
  start_other_at(1);
  for (int on = 30; on < 34; ++on) {
    ASSERT_TRUE(change_by(*engine_, on));
    ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == engine_->epochs().epoch(); }));
    EXPECT_EQ(share_of(*other_), on);
    EXPECT_EQ(code(change_by(*other_, 90)), "standby");
  }
  // As long as the other one signs, it stays so.
  const MonoMs until = mono_ms() + 4'500;
  pump([&] { return mono_ms() > until; });
  EXPECT_TRUE(other_->standing_by());
  EXPECT_FALSE(engine_->standing_by());
  engine_.reset();
  ASSERT_TRUE(becomes_active(*other_));
  EXPECT_EQ(share_of(*other_), 33);
  ASSERT_TRUE(change_by(*other_, 50));
  EXPECT_EQ(other_->epochs().epoch(), 6u);
  // The first one comes back behind it, and follows, whatever its files say.
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 6; }));
  EXPECT_EQ(share(), 50);
  EXPECT_EQ(code(change_by(*engine_, 51)), "standby");
  ASSERT_TRUE(change_by(*other_, 51));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 7; }));
  EXPECT_EQ(engine_->epochs().log().root(), other_->epochs().log().root());
}

// Both begin at once on an empty carrier, and each thinks that it is alone.
TEST_F(EpochRecoveryTest, OfTwoThatBeginAtOnceOneIsActive) {
  start();
  start_other();
  ASSERT_TRUE(pump([&] { return engine_->standing_by() != other_->standing_by(); }));
  Engine& active = engine_->standing_by() ? *other_ : *engine_;
  Engine& standby = engine_->standing_by() ? *engine_ : *other_;
  ASSERT_TRUE(change_by(active, 60));
  EXPECT_EQ(code(change_by(standby, 70)), "standby");
  ASSERT_TRUE(pump([&] { return standby.epochs().log().root() == active.epochs().log().root(); }));
  EXPECT_EQ(share_of(standby), 60);
}

TEST_F(EpochRecoveryTest, FilesOfAStandbyAreReadWhenItTakesOver) {
  start_and_publish();
  start_other_at(1);
  ASSERT_TRUE(change_by(*engine_, 40));
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 2; }));
  engine_.reset();
  write("flags/shop.yaml", checkout(70));
  ASSERT_TRUE(becomes_active(*other_));
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 3; }));
  EXPECT_EQ(share_of(*other_), 70);
}

// Validators may have cosigned it: no other epoch of that size would ever be.
TEST_F(EpochRecoveryTest, ACandidateOfTheOtherOneIsFinished) {
  with_validator_ = true;
  start();
  ASSERT_TRUE(pump([&] { return !engine_->epochs().newest_note().empty(); }));
  cosign(engine_->epochs().newest_note());
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  start_other_at(1);
  EXPECT_EQ(code(change_by(*engine_, 40)), "not_published_yet");
  const std::string candidate = engine_->epochs().newest_note();
  engine_.reset();
  ASSERT_TRUE(stands_by_no_more(*other_));
  EXPECT_EQ(share_of(*other_), 40) << "what the other one had promised";
  cosign(candidate);
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 2; }));
  EXPECT_EQ(code(change_by(*other_, 41)), "not_published_yet");
  cosign(other_->epochs().newest_note());
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 3; }));
}

// The other one died between its claim and its signature.
TEST_F(EpochRecoveryTest, AClaimOfWhichNobodySawMoreIsReplaced) {
  start_and_publish();
  start_other_at(1);
  merkle::EpochLog log = engine_->epochs().log();
  merkle::EpochRecord record = log.last();
  record.epoch = 2;
  ASSERT_TRUE(log.append(record));
  const HeadSigner signer(engine_key());
  helper_ = carrier();
  bool done = false;
  helper_->reserve(*make_reservation(log, "engine.test", signer), [&](Status granted) {
    EXPECT_TRUE(granted);
    done = true;
  });
  ASSERT_TRUE(pump([&] { return done; }));
  engine_.reset();
  ASSERT_TRUE(becomes_active(*other_));
  ASSERT_TRUE(change_by(*other_, 44));
  EXPECT_EQ(other_->epochs().epoch(), 2u);
}

// An engine of another log: neither is continued by the other one.
TEST_F(EpochRecoveryTest, AForkIsRefused) {
  start_and_publish();
  for (int on = 30; on < 33; ++on) ASSERT_TRUE(change("checkout", rollout(on)));
  engine_.reset();
  snapshot::MemoryBus another;
  std::swap(bus_, another);
  start_other();
  ASSERT_TRUE(pump([&] { return other_->epochs().epoch() == 1; }));
  for (int on = 60; on < 66; ++on) ASSERT_TRUE(change_by(*other_, on));
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().obstacle() != nullptr; }));
  EXPECT_EQ(engine_->not_ready()->code, "fork");
  EXPECT_FALSE(engine_->standing_by());
  EXPECT_EQ(engine_->epochs().log().size(), 4u);
  ASSERT_TRUE(change_by(*other_, 67));
}

}  // namespace
}  // namespace flagmesh::engine
