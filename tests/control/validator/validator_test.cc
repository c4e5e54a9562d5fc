#include "control/validator/validator.h"

#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::validator {
namespace {

class ValidatorTest : public engine::EngineTest {
 protected:
  ValidatorTest() { with_validator_ = true; }
  ~ValidatorTest() override { validator_.reset(); }

  Result<std::unique_ptr<Validator>> make() {
    return Validator::create(*loop_, carrier(),
                             {.trust = rules(),
                              .state_dir = folder_ + "/validator",
                              .key = engine::validator_key(),
                              .policy = policy_});
  }
  void start_validator() {
    auto validator = make();
    ASSERT_TRUE(validator) << validator.error().text();
    validator_ = std::move(*validator);
    ASSERT_TRUE(validator_->start());
  }

  // Asks, without waiting for the answer.
  void ask(const engine::FlagRequest& request) {
    engine_->change("checkout", request, "test", [](const Result<uint64_t>&) {});
  }
  bool refused_as(const std::string& code) {
    return pump([&] { return validator_->metrics().refused.contains(code); });
  }
  static engine::FlagRequest kill(const std::string& variant) {
    engine::FlagRequest request;
    request.kill = variant;
    return request;
  }

  config::PolicyConfig policy_;
  std::unique_ptr<Validator> validator_;
};

TEST_F(ValidatorTest, CosignsEveryEpochAndOnlyThenItIsTheHead) {
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().size() == 1; }));
  EXPECT_EQ(engine_->epochs().epoch(), 0u);
  start_validator();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  EXPECT_EQ(published_share(), 25);
  for (int on = 30; on < 40; ++on) ASSERT_TRUE(change("checkout", rollout(on)));
  EXPECT_EQ(published_share(), 39);
  EXPECT_EQ(validator_->metrics().epoch, 11u);
  EXPECT_TRUE(validator_->metrics().refused.empty());
}

TEST_F(ValidatorTest, ARestartedValidatorCatchesUpAndGoesOn) {
  start_validator();
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(30)));
  validator_.reset();
  std::optional<Result<uint64_t>> answer;
  engine_->change("checkout", rollout(40), "test", [&](Result<uint64_t> epoch) { answer = epoch; });
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().size() == 3; }));
  EXPECT_EQ(engine_->epochs().epoch(), 2u);
  start_validator();
  EXPECT_EQ(validator_->metrics().epoch, 2u);
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 3; }));
  EXPECT_EQ(published_share(), 40);
}

TEST_F(ValidatorTest, BothRestartedAtOnce) {
  start_validator();
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(30)));
  validator_.reset();
  restart();
  start_validator();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  ASSERT_TRUE(change("checkout", rollout(31)));
  EXPECT_EQ(published_share(), 31);
}

TEST_F(ValidatorTest, NewerChangesOvertakeACandidateThatNobodySigns) {
  start();
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().size() == 1; }));
  engine_->change("checkout", rollout(50), "test", {});
  ASSERT_TRUE(pump([&] { return engine_->epochs().log().size() == 2; }));
  start_validator();
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 2; }));
  EXPECT_EQ(published_share(), 50);
}

TEST_F(ValidatorTest, RefusesAnotherHistory) {
  start_validator();
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(30)));
  engine_.reset();
  // Whoever has the engine's key begins anew and owns the carrier.
  std::filesystem::remove_all(folder_ + "/state");
  validator_.reset();
  bus_ = snapshot::MemoryBus();
  start_validator();
  start();
  ASSERT_TRUE(pump([&] { return !validator_->metrics().refused.empty(); }));
  EXPECT_EQ(validator_->metrics().refused.begin()->first, "rollback");
  EXPECT_EQ(engine_->epochs().epoch(), 0u);
}

TEST_F(ValidatorTest, RefusesAKeyThatIsNotPinned) {
  auto validator =
      Validator::create(*loop_, carrier(),
                        {.trust = rules(),
                         .state_dir = folder_ + "/v",
                         .key = engine::test_key("other", merkle::SignatureType::kCosignatureV1, 9)});
  EXPECT_EQ(validator.error().code, "bad_trust");
}

TEST_F(ValidatorTest, APolicyRefusesAStepAndSaysWhy) {
  policy_.max_moved_ppm = 100'000;
  start_validator();
  start_and_publish();
  ask(rollout(90));
  ASSERT_TRUE(refused_as("share_moved"));
  ASSERT_TRUE(validator_->metrics().refusal);
  EXPECT_EQ(share(), 90) << "the engine wants it";
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
  // The engine tells whoever waits.
  ASSERT_TRUE(pump([&] {
    const auto why = engine_->not_ready();
    return why && why->message.find("share_moved") != std::string::npos;
  }));
  // A smaller step goes.
  ASSERT_TRUE(change("checkout", rollout(30)));
  EXPECT_FALSE(validator_->metrics().refusal);
  EXPECT_EQ(published_share(), 30);
}

TEST_F(ValidatorTest, AKillPassesAChangeThatIsRefused) {
  policy_.max_moved_ppm = 100'000;
  write("flags/other.yaml",
        "flags:\n  search:\n    state: ENABLED\n    variants: { v1: a, v2: b }\n"
        "    defaultVariant: v1\n    rollout: { v2: 10, v1: 90 }\n");
  start_validator();
  start_and_publish();
  ask(rollout(90));
  ASSERT_TRUE(refused_as("share_moved"));
  std::optional<Result<uint64_t>> killed;
  engine_->change("search", kill("v1"), "test", [&](Result<uint64_t> epoch) { killed = epoch; });
  ASSERT_TRUE(pump([&] { return killed.has_value(); }));
  ASSERT_TRUE(*killed) << killed->error().text();
  const auto* search = engine_->epochs().state().entry("default", "search");
  ASSERT_NE(search, nullptr);
  EXPECT_EQ(search->json.find("targeting"), std::string::npos);
  EXPECT_EQ(engine_->epochs().epoch(), **killed);
  // What was refused waits on, and is refused again.
  const uint64_t refused = validator_->metrics().refused.at("share_moved");
  ASSERT_TRUE(pump([&] { return validator_->metrics().refused.at("share_moved") > refused; }));
  // Killing that very flag ends it.
  ASSERT_TRUE(change("checkout", kill("off")));
  ASSERT_TRUE(pump([&] { return engine_->epochs().idle(); }));
  EXPECT_EQ(engine_->epochs().obstacle(), nullptr);
}

TEST_F(ValidatorTest, AKillToAnotherVariantIsNoWayAround) {
  policy_.max_moved_ppm = 100'000;
  start_validator();
  start_and_publish();
  ask(kill("on"));
  ASSERT_TRUE(refused_as("share_moved"));
  EXPECT_EQ(engine_->epochs().epoch(), 1u);
}

TEST_F(ValidatorTest, TheWindowIsRememberedAcrossRestarts) {
  policy_.max_moved_ppm = 100'000;
  start_validator();
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(33)));
  validator_.reset();
  start_validator();
  ask(rollout(40));
  ASSERT_TRUE(refused_as("share_moved"));
  ASSERT_TRUE(change("checkout", rollout(35)));
}

TEST_F(ValidatorTest, NobodySlipsAStateInWhileItIsDown) {
  policy_.max_moved_ppm = 100'000;
  start_validator();
  start_and_publish();
  validator_.reset();
  // The engine's key alone moves the head: its rules ask for no validator.
  with_validator_ = false;
  restart();
  ASSERT_TRUE(change("checkout", rollout(90)));
  with_validator_ = true;
  start_validator();
  ASSERT_TRUE(refused_as("base_unknown"));
  EXPECT_EQ(validator_->metrics().epoch, 1u);
  // An operator may say that it is right.
  validator_.reset();
  auto validator = make();
  ASSERT_TRUE(validator);
  validator_ = std::move(*validator);
  validator_->trust_head();
  ASSERT_TRUE(validator_->start());
  ASSERT_TRUE(pump([&] { return validator_->metrics().epoch == 2; }));
}

TEST_F(ValidatorTest, ALockIsAskedForAndComesWithTheCandidate) {
  const auto alice = engine::test_key("alice", merkle::SignatureType::kApproval, 21);
  policy_.require_lock.approvers = {alice.verifier()};
  policy_.require_lock.required = 1;
  start_validator();
  start();
  ASSERT_TRUE(refused_as("lock_required"));
  EXPECT_EQ(engine_->epochs().epoch(), 0u);
}

}  // namespace
}  // namespace flagmesh::validator
