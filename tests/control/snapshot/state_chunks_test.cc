// How a StateWriter cuts chunks (state_chunks.cc).
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "control/snapshot/state_writer.h"
#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

// Short values, so that many entries are cheap; what they say is no flag and not looked at.
EntryChange entry(const std::string& key, int value) {
  return {"default", key, "{\"v\":" + std::to_string(value) + "}"};
}

// The chunks of a state that changed step by step are those of one that was always so, only what
// changed is fresh, and what is stale is exactly what went.
TEST(StateChunks, OnlyWhatChangedMovesWhateverComesAndGoes) {
  std::mt19937 random(7);
  PublishingEngine engine;
  std::vector<EntryChange> all;
  for (int i = 0; i < 3000; i++) all.push_back(entry("flag-" + std::to_string(i), i));
  Publication publication = engine.publish(all);
  std::set<merkle::Hash> there;
  for (const auto& chunk : publication.tenants[0].chunks) there.insert(chunk.hash);
  EXPECT_GT(there.size(), 10U);
  for (int round = 0; round < 150; round++) {
    std::vector<EntryChange> changes;
    for (unsigned i = random() % 4 + 1; i > 0; i--) {
      EntryChange change =
          entry("flag-" + std::to_string(random() % 3300), static_cast<int>(random() % 100));
      if (random() % 3 == 0) change.json.reset();
      changes.push_back(change);
    }
    if (round == 140) {
      for (const EntryChange& old : all) changes.push_back({"default", old.key, std::nullopt});
    }
    publication = engine.publish(changes);
    const Publication::Tenant& tenant = publication.tenants[0];
    if (round < 140) {
      EXPECT_LE(tenant.chunks.size(), 14U);
    }
    for (const auto& chunk : tenant.chunks) {
      EXPECT_TRUE(there.insert(chunk.hash).second);
      EXPECT_EQ(merkle::sha256(chunk.bytes), chunk.hash);
    }
    for (const merkle::Hash& hash : tenant.stale) EXPECT_EQ(there.erase(hash), 1U);
    const Manifest manifest = *Manifest::parse(tenant.manifest);
    std::set<merkle::Hash> named;
    for (const ChunkRef& chunk : manifest.chunks) named.insert(chunk.hash);
    ASSERT_EQ(named, there) << round;
    if (round % 20 != 19) continue;
    // The same when everything is published again, and it can be read back.
    Result<Publication> again = engine.writer.everything(engine.log, "head", std::nullopt);
    EXPECT_EQ(again->tenants[0].manifest, tenant.manifest);
    const StoredState state = stored(*again);
    std::vector<StateEntry> entries;
    for (size_t i = 0; i < state.chunks.size(); i++) {
      ASSERT_TRUE(parse_chunk(state.chunks[i], state.manifest.chunks[i], entries));
    }
    EXPECT_EQ(entries.size(), engine.writer.flags());
  }
}

TEST(StateChunks, LargeEntriesAreSplit) {
  PublishingEngine engine;
  std::vector<EntryChange> changes;
  for (int i = 0; i < 10; i++) {
    changes.push_back({"default", "k" + std::to_string(i), std::string(200'000, 'x')});
  }
  const Publication publication = engine.publish(changes);
  EXPECT_GE(publication.tenants[0].chunks.size(), 4U);
  for (const auto& chunk : publication.tenants[0].chunks) {
    EXPECT_LE(chunk.bytes.size(), published_limits::kChunkBytes);
  }
}

}  // namespace
}  // namespace flagmesh::snapshot
