#include "control/snapshot/published_state.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

class PublishedStateTest : public testing::Test {
 protected:
  PublishedStateTest() {
    first_ = engine_.publish({{"default", "", R"({"metadata":{"team":"x"},"tenant":"default"})"},
                              {"default", "a", flag_json("a", 1)},
                              {"default", "b", flag_json("b", 2)},
                              {"other", "c", flag_json("c", 3, "other")}});
    engine_.stage({{"default", "gone", flag_json("gone", 1)}});
    engine_.writer.discard();
    second_ = engine_.publish({{"default", "a", std::nullopt},
                               {"default", "b", flag_json("b", 9)},
                               {"default", "d", flag_json("d", 4)}});
  }

  PublishingEngine engine_;
  Publication first_;
  Publication second_;
};

std::string delta_code(std::string_view bytes) {
  Result<Delta> delta = Delta::parse(bytes, "default");
  return delta ? "" : delta.error().code;
}

TEST_F(PublishedStateTest, DeltaThereAndBack) {
  const std::string& bytes = second_.tenants[0].delta;
  Result<Delta> delta = Delta::parse(bytes, "default");
  ASSERT_TRUE(delta) << delta.error().text();
  EXPECT_EQ(delta->encode(), bytes);
  EXPECT_EQ(delta->log.from, 1U);
  EXPECT_EQ(delta->log.to(), 3U);
  EXPECT_EQ(delta->log.skipped.size(), 1U);
  ASSERT_EQ(delta->change.changed.size(), 2U);
  EXPECT_EQ(delta->change.changed[0].key, "b");
  EXPECT_EQ(delta->change.gone, std::vector<std::string>{"a"});
}

TEST_F(PublishedStateTest, ManifestAndChunksThereAndBack) {
  const std::string& bytes = first_.tenants[0].manifest;
  Result<Manifest> manifest = Manifest::parse(bytes);
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(manifest->encode(), bytes);
  std::vector<StateEntry> entries;
  const StoredState state = stored(first_);
  for (size_t i = 0; i < state.chunks.size(); i++) {
    ASSERT_TRUE(parse_chunk(state.chunks[i], manifest->chunks[i], entries));
  }
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].key, "");
  EXPECT_EQ(encode_chunk(entries), state.chunks[0]);
  // The same chunk again has keys that are not behind the others.
  EXPECT_EQ(parse_chunk(state.chunks[0], manifest->chunks[0], entries).error().code, "bad_state");
}

TEST_F(PublishedStateTest, CandidateThereAndBack) {
  engine_.stage({{"default", "b", flag_json("b", 77)}});
  const Candidate candidate = engine_.writer.candidate(engine_.log, "note\n");
  EXPECT_FALSE(candidate.before);
  EXPECT_EQ(candidate.tenants.size(), 2U);
  const std::string bytes = candidate.encode();
  Result<Candidate> parsed = Candidate::parse(bytes);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->encode(), bytes);
  EXPECT_EQ(parsed->tenants, candidate.tenants);

  PublishingEngine other;
  other.stage({{"default", "x", flag_json("x", 1)}});
  const std::string whole = other.writer.candidate(other.log, "note\n").encode();
  Result<Candidate> first = Candidate::parse(whole);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_TRUE(first->before);
  EXPECT_EQ(first->encode(), whole);
  for (size_t size = 0; size < whole.size(); size++) {
    EXPECT_FALSE(Candidate::parse(whole.substr(0, size))) << size;
  }
}

TEST_F(PublishedStateTest, EveryByteCountsAndNothingMayFollow) {
  const std::string& delta = second_.tenants[0].delta;
  const std::string& manifest = second_.tenants[0].manifest;
  for (size_t size = 0; size < delta.size(); size++) {
    EXPECT_EQ(delta_code(delta.substr(0, size)), "bad_state") << size;
  }
  for (size_t size = 0; size < manifest.size(); size++) {
    EXPECT_FALSE(Manifest::parse(manifest.substr(0, size))) << size;
  }
  EXPECT_EQ(delta_code(delta + '\0'), "bad_state");
  EXPECT_FALSE(Manifest::parse(manifest + "x"));
  // Whatever byte changes, what is still accepted is written the same way.
  for (size_t at = 0; at < delta.size(); at++) {
    std::string altered = delta;
    altered[at] = static_cast<char>(altered[at] ^ 0x41);
    Result<Delta> parsed = Delta::parse(altered, "default");
    EXPECT_TRUE(!parsed || parsed->encode() == altered) << at;
  }
}

TEST_F(PublishedStateTest, RefusesByRule) {
  const Delta good = *Delta::parse(second_.tenants[0].delta, "default");
  const auto with = [&](const std::function<void(Delta&)>& change) {
    Delta delta = good;
    change(delta);
    return delta_code(delta.encode());
  };
  EXPECT_EQ(with([](Delta& d) { d.change.gone = {"b"}; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.gone = {"z", "y"}; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.changed[1].key = "b"; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.changed[0].key = std::string(300, 'a'); }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.changed[0].json = std::string(600'000, 'a'); }),
            "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.log.from = 2; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.log.from = UINT64_MAX; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.log.skipped.clear(); }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.log.record.epoch = 0; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.index = d.change.proof.tenants; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.tenants = 1'000'000; }), "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.path.resize(65); }), "bad_state");

  Manifest manifest = *Manifest::parse(second_.tenants[0].manifest);
  manifest.chunks[0].bytes = 100'000'000;
  EXPECT_FALSE(Manifest::parse(manifest.encode()));
  manifest = *Manifest::parse(second_.tenants[0].manifest);
  manifest.chunks.assign(1'000, {merkle::Hash{}, 700'000});
  EXPECT_FALSE(Manifest::parse(manifest.encode()));
  manifest = *Manifest::parse(second_.tenants[0].manifest);
  manifest.before = {};
  EXPECT_FALSE(Manifest::parse(manifest.encode()));
  EXPECT_FALSE(Manifest::parse(std::string(5'000'000, '\2')));
}

TEST_F(PublishedStateTest, CountsThatCannotBeTrueReserveNothing) {
  // A chunk that says it has a million entries and has none.
  const std::string bytes("\x03\x00\x0f\x42\x40", 5);
  const ChunkRef ref{merkle::sha256(bytes), 5};
  std::vector<StateEntry> entries;
  EXPECT_EQ(parse_chunk(bytes, ref, entries).error().code, "bad_state");
  EXPECT_EQ(entries.capacity(), 0U);
  const ChunkRef other{merkle::sha256("other"), 5};
  EXPECT_EQ(parse_chunk(bytes, other, entries).error().code, "bad_chunk");
}

}  // namespace
}  // namespace flagmesh::snapshot
