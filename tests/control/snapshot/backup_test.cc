#include "control/snapshot/backup.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

// What an export of the engine's head would be.
Backup backup_of(PublishingEngine& engine, const Publication& newest) {
  const Publication all = *engine.writer.everything(engine.log, newest.head, std::nullopt);
  Backup backup;
  backup.head = newest.head;
  backup.leaves = all.tile.leaves;
  for (const Publication::Tenant& tenant : all.tenants) {
    Backup::Tenant& out = backup.tenants.emplace_back(Backup::Tenant{tenant.name, tenant.manifest, {}});
    const Manifest manifest = *Manifest::parse(tenant.manifest);
    for (const ChunkRef& ref : manifest.chunks) {
      for (const Publication::Chunk& chunk : tenant.chunks) {
        if (chunk.hash == ref.hash) out.chunks.push_back(chunk.bytes);
      }
    }
  }
  return backup;
}

class BackupTest : public testing::Test {
 protected:
  BackupTest() {
    for (int i = 0; i < 300; i++) (void)engine_.set("flag-" + std::to_string(i), i % 100);
    newest_ = engine_.publish({{"other", "x", flag_json("x", 7, "other")}});
    backup_ = backup_of(engine_, newest_);
  }
  std::string code(const Backup& backup) const {
    const auto verifier = HeadVerifier::create(engine_.rules());
    const auto verified = backup.verified(*verifier);
    return verified ? "" : verified.error().code;
  }

  PublishingEngine engine_;
  Publication newest_;
  Backup backup_;
};

TEST_F(BackupTest, GoesOutAndComesBack) {
  const std::string bytes = backup_.encode();
  const auto parsed = Backup::parse(bytes);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(*parsed, backup_);
  EXPECT_EQ(parsed->encode(), bytes);
  const auto verifier = HeadVerifier::create(engine_.rules());
  const auto publication = parsed->verified(*verifier);
  ASSERT_TRUE(publication) << publication.error().text();
  EXPECT_EQ(publication->size, 301U);
  EXPECT_EQ(publication->root, engine_.log.root());
  EXPECT_EQ(publication->tenants.size(), 2U);
  EXPECT_EQ(publication->tile.leaves.size(), 301U);
}

TEST_F(BackupTest, CutOrAlteredBytesAreRefused) {
  const std::string bytes = backup_.encode();
  for (size_t size = 0; size < bytes.size(); size += 97) {
    const auto parsed = Backup::parse(bytes.substr(0, size));
    ASSERT_FALSE(parsed) << size;
    EXPECT_EQ(parsed.error().code, "bad_backup");
  }
  for (size_t at = 0; at < bytes.size(); at += 211) {
    std::string altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(Backup::parse(altered)) << at;
  }
  EXPECT_FALSE(Backup::parse(bytes + "x"));
}

TEST_F(BackupTest, NothingInItIsBelieved) {
  EXPECT_EQ(code(backup_), "");
  Backup altered = backup_;
  altered.tenants[0].chunks[0][60] ^= 1;
  EXPECT_EQ(code(altered), "bad_chunk");
  altered = backup_;
  altered.tenants.pop_back();
  EXPECT_EQ(code(altered), "wrong_tenants");
  altered = backup_;
  altered.tenants[0].chunks.pop_back();
  EXPECT_EQ(code(altered), "bad_state");
  altered = backup_;
  std::swap(altered.leaves[3], altered.leaves[4]);
  EXPECT_EQ(code(altered), "inconsistent_log");
  altered = backup_;
  altered.leaves.pop_back();
  EXPECT_EQ(code(altered), "inconsistent_log");
  altered = backup_;
  altered.head[altered.head.size() - 12] ^= 1;
  EXPECT_NE(code(altered), "");
}

}  // namespace
}  // namespace flagmesh::snapshot
