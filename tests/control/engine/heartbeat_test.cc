#include "control/engine/heartbeat.h"

#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

TEST(HeartbeatInterval, IsATenthWithinBounds) {
  EXPECT_EQ(heartbeat_interval(600'000), 60'000u);
  EXPECT_EQ(heartbeat_interval(100'000), 10'000u);
  EXPECT_EQ(heartbeat_interval(5'000), 1'000u);
  EXPECT_EQ(heartbeat_interval(86'400'000), 60'000u);
}

TEST_F(EngineTest, AHeartbeatIsAYoungerHeadAndNoEpoch) {
  EngineOptions young = options();
  young.trust.max_age_ms = 2'000;
  auto engine = Engine::create(*loop_, carrier(), std::move(young));
  ASSERT_TRUE(engine);
  engine_ = std::move(*engine);
  ASSERT_TRUE(engine_->start());
  ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() == 1; }));
  const auto verifier = snapshot::HeadVerifier::create(rules());
  const int64_t first = verifier->verify(engine_->epochs().head())->newest_ms;
  ASSERT_TRUE(pump([&] { return verifier->verify(engine_->epochs().head())->newest_ms > first; }));
  EXPECT_EQ(engine_->epochs().log().size(), 1u);
  EXPECT_TRUE(verifier->verify_enough(engine_->epochs().head()));
}

}  // namespace
}  // namespace flagmesh::engine
