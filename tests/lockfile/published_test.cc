#include "lockfile/published.h"

#include <gtest/gtest.h>

#include "lockfile/lock_file.h"
#include "merkle/epoch_log.h"
#include "merkle/sorted_tree.h"
#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

using merkle::EpochLog;
using merkle::LeafKind;
using merkle::SortedTree;
using merkle::TenantSummary;

struct World {
  TenantSummary summary;
  Published published;
};

// Three tenants, of which "default" is the locked one; published as epoch 5 of 7.
World publish(const Lock& lock) {
  World world;
  world.summary = {lock.tenant, lock.flag_count(), lock.tenant_root};
  const merkle::TenantSecret secret;
  SortedTree tenants;
  for (const char* other : {"alpha", "zulu"})
    tenants.put(other, merkle::make_leaf_hash(secret, LeafKind::kTenant, other, "",
                                              TenantSummary{other, 0, {}}.json()));
  tenants.put(lock.tenant, merkle::make_leaf_hash(secret, LeafKind::kTenant, lock.tenant, "",
                                                  world.summary.json()));
  Published& published = world.published;
  published.tenant_index = tenants.find(lock.tenant).value();
  published.tenants = tenants.size();
  published.tenant_proof = tenants.inclusion(published.tenant_index);
  EpochLog log;
  for (uint64_t epoch = 1; epoch <= 7; epoch++) {
    merkle::EpochRecord record;
    record.epoch = epoch;
    record.time_ms = epoch;
    if (epoch == 5) record.state_root = tenants.root();
    EXPECT_TRUE(log.append(record));
  }
  published.record = log.record(5);
  published.log_proof = log.inclusion(5, 7);
  auto key =
      merkle::SigningKey::generate("shop.example/flags", merkle::SignatureType::kEd25519).value();
  published.checkpoint.text = log.checkpoint("shop.example/flags").text();
  put_signature(published.checkpoint, sign_text(published.checkpoint.text, key, 0).value());
  return world;
}

TEST(Published, ProvesTheLock) {
  LockFile file{sample_lock()};
  World world = publish(file.lock);
  file.published = world.published;
  LockFile read = LockFile::parse(file.text()).value();
  EXPECT_EQ(read.text(), file.text());
  EXPECT_EQ(check_published(*read.published, world.summary).value().size, 7u);
}

TEST(Published, AnythingElseIsNotProven) {
  World world = publish(sample_lock());
  TenantSummary other = world.summary;
  other.flags++;
  EXPECT_EQ(check_published(world.published, other).error().code, "root_mismatch");
  World changed = world;
  changed.published.record.time_ms++;
  EXPECT_EQ(check_published(changed.published, world.summary).error().code, "root_mismatch");
  changed = world;
  changed.published.tenant_index = 7;
  EXPECT_EQ(check_published(changed.published, world.summary).error().code, "bad_index");
  changed = world;
  changed.published.log_proof.pop_back();
  EXPECT_EQ(check_published(changed.published, world.summary).error().code, "bad_proof_length");
  changed = world;
  changed.published.checkpoint.text = "not a checkpoint\n";
  EXPECT_EQ(check_published(changed.published, world.summary).error().code, "bad_checkpoint");
}

TEST(Published, MalformedIsRefused) {
  const std::string good = publish(sample_lock()).published.text();
  ASSERT_TRUE(Published::parse(good));
  EXPECT_EQ(Published::parse(good).value().text(), good);
  for (size_t size = 0; size < good.size(); size++)
    EXPECT_FALSE(Published::parse(good.substr(0, size))) << size;
  EXPECT_FALSE(Published::parse(good + "\n"));
  EXPECT_FALSE(Published::parse("== something else\n" + good));
}

}  // namespace
}  // namespace flagmesh::lockfile
