#include "lockfile/flag_proof.h"

#include <gtest/gtest.h>

#include "merkle/epoch_log.h"
#include "merkle/sorted_tree.h"
#include "merkle/state_tree.h"
#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

using merkle::LeafKind;

// Three flags of one tenant among three tenants, in the second epoch of a log of four.
FlagProof sample() {
  const merkle::TenantSecret secret = merkle::TenantSecret::derive(std::string(32, 's'), "default");
  FlagProof proof;
  std::vector<merkle::SortedTree::Entry> leaves;
  for (const char* key : {"banner", "checkout", "search"}) {
    const std::string json = sample_json(key, 25);
    leaves.push_back({key, merkle::make_leaf_hash(secret, LeafKind::kFlag, "default", key, json)});
  }
  const auto tree = *merkle::SortedTree::build(leaves);
  proof.json = sample_json("checkout", 25);
  proof.opening = secret.opening(LeafKind::kFlag, "default", "checkout", proof.json);
  proof.in_tenant = {1, 3, tree.inclusion(1)};
  proof.tenant_flags = 3;
  const merkle::TenantSummary summary{"default", 3, tree.root()};
  proof.tenant_opening = secret.opening(LeafKind::kTenant, "default", {}, summary.json());
  const auto state = *merkle::SortedTree::build(
      {{"a", merkle::leaf_hash("a")},
       {"default",
        merkle::make_leaf_hash(secret, LeafKind::kTenant, "default", {}, summary.json())},
       {"z", merkle::leaf_hash("z")}});
  proof.in_state = {1, 3, state.inclusion(1)};
  merkle::EpochLog log;
  for (uint64_t epoch = 1; epoch <= 4; ++epoch) {
    merkle::EpochRecord record;
    record.epoch = epoch;
    record.time_ms = 1'000 + epoch;
    record.flags = 3;
    if (epoch == 2) record.state_root = state.root();
    EXPECT_TRUE(log.append(record));
  }
  proof.record = log.record(2);
  proof.in_log = {.index = 1, .path = log.inclusion(2, 4)};
  const auto key = *merkle::SigningKey::from_seed("log.example", merkle::SignatureType::kEd25519,
                                                  merkle::leaf_hash("seed"));
  proof.in_log.checkpoint.text = log.checkpoint("log.example").text();
  merkle::put_signature(proof.in_log.checkpoint,
                        *merkle::sign_text(proof.in_log.checkpoint.text, key, 0));
  return proof;
}

TEST(FlagProof, ProvesItself) {
  const FlagProof proof = sample();
  const auto proven = check_flag_proof(proof);
  ASSERT_TRUE(proven) << proven.error().text();
  EXPECT_EQ(proven->key, "checkout");
  EXPECT_EQ(proven->tenant, "default");
  EXPECT_EQ(proven->checkpoint.size, 4U);
  const auto read = FlagProof::parse(proof.text());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->text(), proof.text());
  EXPECT_TRUE(check_flag_proof(*read));
}

TEST(FlagProof, EveryAlterationIsSeen) {
  const auto code = [](auto change) {
    FlagProof proof = sample();
    change(proof);
    const auto proven = check_flag_proof(proof);
    return proven ? "" : proven.error().code;
  };
  EXPECT_EQ(code([](FlagProof& p) { p.json = sample_json("checkout", 26); }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.json = sample_json("search", 25); }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.json = "{}"; }), "bad_flag");
  EXPECT_EQ(code([](FlagProof& p) { p.json += ' '; }), "bad_flag");
  EXPECT_EQ(code([](FlagProof& p) { p.opening.bytes[0] ^= 1; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.in_tenant.index = 0; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.in_tenant.index = 3; }), "bad_index");
  EXPECT_EQ(code([](FlagProof& p) { p.in_tenant.path.pop_back(); }), "bad_proof_length");
  EXPECT_EQ(code([](FlagProof& p) { p.tenant_flags = 4; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.tenant_opening.bytes[5] ^= 1; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.in_state.leaves = 0; }), "bad_index");
  EXPECT_EQ(code([](FlagProof& p) { p.in_state.path.emplace_back(); }), "bad_proof_length");
  EXPECT_EQ(code([](FlagProof& p) { p.record.state_root.bytes[9] ^= 1; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.record.time_ms++; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.in_log.index = 2; }), "bad_index");
  EXPECT_EQ(code([](FlagProof& p) { p.in_log.path[0].bytes[0] ^= 1; }), "root_mismatch");
  EXPECT_EQ(code([](FlagProof& p) { p.in_log.checkpoint.text = "x\n"; }), "bad_checkpoint");
}

TEST(FlagProof, RefusesWhatIsNotInTheGrammar) {
  const std::string good = sample().text();
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    const auto read = FlagProof::parse(text);
    return !read && read.error().code == "bad_proof_file";
  };
  EXPECT_TRUE(refused("proof 1\n", "proof 2\n"));
  EXPECT_TRUE(refused("\nopening ", "\nOpening "));
  EXPECT_TRUE(refused("flag-proof 1 3 ", "flag-proof 1 "));
  EXPECT_TRUE(refused("flag-proof 1 3 ", "flag-proof 01 3 "));
  EXPECT_TRUE(refused("tenant-flags 3", "tenant-flags 9007199254740993"));
  EXPECT_TRUE(refused("tenant-flags 3\n", ""));
  EXPECT_TRUE(refused("record ", "record !"));
  EXPECT_TRUE(refused("c2sp.org/", "c3sp.org/"));
  for (size_t size = 0; size + 1 < good.size(); size += 11) {
    EXPECT_FALSE(FlagProof::parse(good.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace flagmesh::lockfile
