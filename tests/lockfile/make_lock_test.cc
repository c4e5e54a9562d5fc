#include "lockfile/make_lock.h"

#include <gtest/gtest.h>

#include "lockfile/lock_time.h"
#include "merkle/sorted_tree.h"
#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

std::string code_of(const FlagSetInput& set, int64_t not_after = 0) {
  Result<Lock> lock = make_lock(set, std::nullopt, not_after);
  return lock ? "" : lock.error().code;
}

// The engine builds the tenant's tree by merkle/ alone; locker and engine must agree.
TEST(MakeLock, TenantRootIsTheEngines) {
  for (const char* master : {"", "a master secret of some length"}) {
    FlagSetInput set = sample_set();
    set.secret = merkle::TenantSecret::derive(master, set.tenant);
    merkle::SortedTree tree;
    for (const FlagInput& flag : set.flags)
      tree.put(flag.key, merkle::make_leaf_hash(set.secret, merkle::LeafKind::kFlag, set.tenant,
                                                flag.key, flag.json));
    tree.put("", merkle::make_leaf_hash(set.secret, merkle::LeafKind::kMetadata, set.tenant, "",
                                        set.metadata_json));
    Lock lock = make_lock(set, std::nullopt, 0).value();
    EXPECT_EQ(lock.tenant_root, tree.root());
    EXPECT_EQ(lock.openings, set.secret.id());
  }
}

TEST(MakeLock, AnEmptySetHasTheEmptyRoot) {
  FlagSetInput set;
  set.tenant = "default";
  Lock lock = make_lock(set, std::nullopt, 0).value();
  EXPECT_EQ(lock.tenant_root, merkle::empty_root());
  EXPECT_EQ(Lock::parse(lock.text()).value(), lock);
}

TEST(MakeLock, MistakesHaveTheirCodes) {
  FlagSetInput set = sample_set();
  EXPECT_EQ(code_of(set), "");
  EXPECT_EQ(code_of(set, -1), "bad_time");
  EXPECT_EQ(code_of(set, kLastTime + 1), "bad_time");
  set.tenant = "No Tenant";
  EXPECT_EQ(code_of(set), "bad_tenant");
  set = sample_set();
  set.flags[0].key = "a\nb";
  EXPECT_EQ(code_of(set), "bad_key");
  set.flags[0].key = "";
  EXPECT_EQ(code_of(set), "bad_key");
  set.flags[0].key = "banner";
  EXPECT_EQ(code_of(set), "duplicate_key");
  set = sample_set();
  set.files[0].path = "a\nb";
  EXPECT_EQ(code_of(set), "bad_path");
  set.files[0].path = "flags/ads.yaml";
  EXPECT_EQ(code_of(set), "duplicate_file");
  set.files.erase(set.files.begin());
  EXPECT_EQ(code_of(set), "unknown_file");
}

}  // namespace
}  // namespace flagmesh::lockfile
