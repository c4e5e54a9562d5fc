#include "control/redis/full_read.h"

#include "tests/control/redis/mesh_fixture.h"

namespace flagmesh::redis {
namespace {

class FullReadTest : public testing::Test {
 protected:
  FullReadTest() : carrier_(medium_.carrier(pump_)) {}

  Result<FullState> read(uint64_t size, const merkle::Hash& root, uint64_t after,
                         const std::string& tenant = "default") {
    std::unique_ptr<FullRead> reading;
    return pump_.wait<FullState>([&](auto done) {
      reading = std::make_unique<FullRead>(*carrier_, tenant, size, root, after, std::move(done));
    });
  }
  void publish(Publication publication) {
    EXPECT_TRUE(pump_.wait<void>(
        [&](auto done) { carrier_->publish(std::move(publication), std::move(done)); }));
  }

  Pump pump_;
  Medium medium_{false};
  std::unique_ptr<Carrier> carrier_;
  PublishingEngine engine_;
};

TEST_F(FullReadTest, BringsChunksAndLeavesInBatches) {
  std::vector<snapshot::EntryChange> many;
  for (int i = 0; i < 5'000; i++) {
    many.push_back({"default", "f" + std::to_string(i), "{\"v\":" + std::to_string(i) + "}"});
  }
  publish(engine_.publish(many));
  for (int i = 0; i < 5; i++) publish(engine_.publish({{"default", "f1", std::to_string(i)}}));
  const merkle::Hash root = engine_.log.root();
  Result<FullState> state = read(6, root, 2);
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_GT(state->chunks.size(), Carrier::kChunkBatch);
  EXPECT_EQ(state->chunks.size(), state->manifest.chunks.size());
  ASSERT_EQ(state->leaves.size(), 3U);
  EXPECT_EQ(state->leaves[0], engine_.log.record(3).leaf());
  state = read(6, root, 0);
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->leaves.empty());
}

TEST_F(FullReadTest, SaysWhatIsMissing) {
  const Publication first = engine_.set("a", 1);
  EXPECT_EQ(read(1, first.root, 0).error().code, "missing_manifest");
  publish(first);
  EXPECT_EQ(read(1, first.root, 0, "nobody").error().code, "missing_manifest");
  EXPECT_EQ(read(2, first.root, 0).error().code, "bad_record");
  Publication second = engine_.set("a", 2);
  second.tenants[0].chunks.clear();
  second.tile.leaves.clear();
  publish(second);
  EXPECT_EQ(read(2, second.root, 0).error().code, "missing_chunk");
}

TEST_F(FullReadTest, DestroyingItCancels) {
  publish(engine_.set("a", 1));
  auto reading = std::make_unique<FullRead>(*carrier_, "default", 1, engine_.log.root(), 0,
                                            [](const auto&) { ADD_FAILURE(); });
  pump_.loop().run_once(1);
  reading.reset();
  pump_.run_for(20);
}

}  // namespace
}  // namespace flagmesh::redis
