// An engine that asks for locks.
#include <gtest/gtest.h>

#include "control/snapshot/acceptance.h"
#include "lockfile/approval.h"
#include "lockfile/flag_files.h"
#include "lockfile/make_lock.h"
#include "proxy/base/time.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

merkle::SigningKey approver(uint8_t seed) {
  return test_key("approver-" + std::to_string(seed), merkle::SignatureType::kApproval, seed);
}

class EngineLockedTest : public EngineTest {
 protected:
  EngineLockedTest() {
    require_lock_.approvers = {approver(31).verifier(), approver(32).verifier()};
    require_lock_.required = 2;
  }

  std::optional<merkle::Hash> root() const {
    const merkle::SortedTree* tree = engine_->epochs().state().tree("default");
    return engine_->epochs().epoch() == 0 ? std::nullopt : std::optional(tree->root());
  }

  // Locks a file with this share of `on`, from where the engine is, and puts both there.
  void lock(int on, std::optional<merkle::Hash> base, size_t approvals = 2) {
    const std::vector<lockfile::FileText> files = {{"shop.yaml", checkout(on)}};
    const auto loaded = lockfile::load_flag_files(files, "default", {});
    ASSERT_FALSE(has_errors(loaded.diagnostics));
    lockfile::LockFile file;
    file.lock = *lockfile::make_lock(loaded.input, base, unix_seconds() + 1000);
    for (size_t i = 0; i < approvals; ++i) {
      ASSERT_TRUE(lockfile::approve(file, approver(static_cast<uint8_t>(31 + i))));
    }
    write("flags.lock", file.text());
    write("flags/shop.yaml", checkout(on));
  }

  bool noted(const std::string& text) {
    return pump([&] { return engine_->note().find(text) != std::string::npos; });
  }
};

TEST_F(EngineLockedTest, NothingIsPublishedBeforeALockAllowsIt) {
  start();
  ASSERT_TRUE(pump([&] { return engine_->not_ready() && engine_->not_ready()->code == "lock_required"; }));
  EXPECT_EQ(engine_->epochs().log().size(), 0u);
  ASSERT_NO_FATAL_FAILURE(lock(25, std::nullopt));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  EXPECT_FALSE(engine_->not_ready());
}

TEST_F(EngineLockedTest, FilesChangeTogetherWithTheirLock) {
  ASSERT_NO_FATAL_FAILURE(lock(25, std::nullopt));
  start_and_publish();
  write("flags/shop.yaml", checkout(50));
  ASSERT_TRUE(noted("not in force"));
  EXPECT_EQ(share(), 25) << "what is in force";
  ASSERT_NO_FATAL_FAILURE(lock(50, root(), 1));
  ASSERT_TRUE(noted("1 of 2 approvals"));
  ASSERT_NO_FATAL_FAILURE(lock(50, root()));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(share(), 50);
  EXPECT_EQ(engine_->note(), "");
  // The lock allowed that step, from there.
  const auto here = root();
  ASSERT_NO_FATAL_FAILURE(lock(60, merkle::sha256("elsewhere")));
  ASSERT_TRUE(noted("the lock starts from"));
  EXPECT_EQ(root(), here);
}

TEST_F(EngineLockedTest, OnlyAKillNeedsNoLock) {
  ASSERT_NO_FATAL_FAILURE(lock(25, std::nullopt));
  start_and_publish();
  EXPECT_EQ(change("checkout", rollout(30)).error().code, "lock_required");
  FlagRequest kill;
  kill.kill = "on";
  EXPECT_EQ(change("checkout", kill).error().code, "lock_required");
  kill.kill = "off";
  ASSERT_TRUE(change("checkout", kill));
  EXPECT_EQ(share(), -1);
  FlagRequest reset;
  reset.reset = true;
  EXPECT_EQ(change("checkout", reset).error().code, "lock_required");
  // A lock leads out of it, with the kill as its base.
  ASSERT_NO_FATAL_FAILURE(lock(25, root()));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(share(), 25);
}

TEST_F(EngineLockedTest, FilesThatChangedWhileItWasAwayNeedALockToo) {
  ASSERT_NO_FATAL_FAILURE(lock(25, std::nullopt));
  start_and_publish();
  const auto first = root();
  engine_.reset();
  write("flags/shop.yaml", checkout(70));
  start();
  ASSERT_TRUE(noted("not in force"));
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
  EXPECT_EQ(share(), 25) << "as it was read back from the carrier";
  FlagRequest kill;
  kill.kill = "off";
  ASSERT_TRUE(change("checkout", kill));
  engine_.reset();
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  ASSERT_NO_FATAL_FAILURE(lock(70, root()));
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(share(), 70);
  EXPECT_NE(root(), first);
}

TEST_F(EngineLockedTest, ARestartWithTheSameFilesPublishesNothing) {
  ASSERT_NO_FATAL_FAILURE(lock(25, std::nullopt));
  start_and_publish();
  restart();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1 && !engine_->not_ready(); }));
  EXPECT_EQ(engine_->epochs().log().size(), 1u);
}

}  // namespace
}  // namespace flagmesh::engine
