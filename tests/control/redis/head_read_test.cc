#include "control/redis/head_read.h"

#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::redis {
namespace {

class HeadReadTest : public engine::EngineTest {
 protected:
  Result<snapshot::StateStep> read(const merkle::Checkpoint& head, uint64_t after) {
    const auto reader = carrier();
    std::optional<Result<snapshot::StateStep>> result;
    const HeadRead head_read(*reader, head, after,
                             [&](Result<snapshot::StateStep> step) { result = std::move(step); });
    EXPECT_TRUE(pump([&] { return result.has_value(); }));
    return std::move(*result);
  }
};

TEST_F(HeadReadTest, BringsAStepThatAReplicaTakes) {
  start_and_publish();
  ASSERT_TRUE(change("checkout", rollout(50)));
  ASSERT_TRUE(change("checkout", rollout(60)));
  const merkle::Checkpoint head = engine_->epochs().log().checkpoint("engine.test");
  const auto step = read(head, 0);
  ASSERT_TRUE(step) << step.error().text();
  auto replica = snapshot::StateReplica::of_all();
  const Status taken = replica.take(head, *step);
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_EQ(replica.size(), 3u);
  EXPECT_EQ(replica.flags().size(), 1u);
  EXPECT_EQ(read(head, 1)->log.skipped.size(), 1u);
}

TEST_F(HeadReadTest, SaysWhatIsMissing) {
  start_and_publish();
  const auto step = read({"engine.test", 1, merkle::sha256("no such head")}, 0);
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().code, "missing_tenants");
}

}  // namespace
}  // namespace flagmesh::redis
