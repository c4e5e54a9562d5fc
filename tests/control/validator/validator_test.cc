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
                             {rules(), folder_ + "/validator", engine::validator_key()});
  }
  void start_validator() {
    auto validator = make();
    ASSERT_TRUE(validator) << validator.error().text();
    validator_ = std::move(*validator);
    ASSERT_TRUE(validator_->start());
  }

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
                        {rules(), folder_ + "/v",
                         engine::test_key("other", merkle::SignatureType::kCosignatureV1, 9)});
  EXPECT_EQ(validator.error().code, "bad_trust");
}

}  // namespace
}  // namespace flagmesh::validator
