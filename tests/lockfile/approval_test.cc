#include "lockfile/approval.h"

#include <gtest/gtest.h>

#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

using merkle::SignatureType;
using merkle::SigningKey;
using merkle::VerifierKey;

SigningKey approver(const char* name) {
  return SigningKey::generate(name, SignatureType::kApproval).value();
}

TEST(Approval, KOfN) {
  SigningKey ann = approver("ann"), bob = approver("bob"), eve = approver("eve");
  const std::vector<VerifierKey> pinned = {ann.verifier(), bob.verifier()};
  LockFile file{sample_lock()};
  EXPECT_TRUE(check_approvals(file, pinned, 0));
  EXPECT_EQ(check_approvals(file, pinned, 1).error().code, "not_enough_approvals");
  ASSERT_TRUE(approve(file, eve));
  EXPECT_EQ(check_approvals(file, pinned, 1).error().code, "not_enough_approvals");
  ASSERT_TRUE(approve(file, ann));
  ASSERT_TRUE(approve(file, ann));
  EXPECT_EQ(file.approvals.size(), 2u);
  EXPECT_TRUE(check_approvals(file, pinned, 1));
  EXPECT_EQ(check_approvals(file, pinned, 2).error().message, "the lock has 1 of 2 approvals");
  ASSERT_TRUE(approve(file, bob));
  EXPECT_TRUE(check_approvals(LockFile::parse(file.text()).value(), pinned, 2));
}

TEST(Approval, IsOfTheWholeBody) {
  SigningKey ann = approver("ann");
  const std::vector<VerifierKey> pinned = {ann.verifier()};
  LockFile file{sample_lock()};
  ASSERT_TRUE(approve(file, ann));
  file.lock.not_after++;
  EXPECT_EQ(check_approvals(file, pinned, 1).error().code, "bad_signature");
}

// One approver who is pinned under two names is still one approver.
TEST(Approval, APublicKeyCountsOnce) {
  SigningKey ann = approver("ann");
  SigningKey again =
      SigningKey::parse("PRIVATE+KEY+" + ann.text().substr(std::string("PRIVATE+KEY+").size()))
          .value();
  const std::vector<VerifierKey> pinned = {
      ann.verifier(), VerifierKey("other", SignatureType::kApproval, ann.verifier().public_key())};
  LockFile file{sample_lock()};
  ASSERT_TRUE(approve(file, again));
  merkle::NoteSignature renamed = file.approvals[0];
  renamed.name = "other";
  renamed.key_id = pinned[1].id();
  file.approvals.push_back(renamed);
  EXPECT_TRUE(check_approvals(file, pinned, 1));
  EXPECT_EQ(check_approvals(file, pinned, 2).error().code, "not_enough_approvals");
}

TEST(Approval, OnlyApproversKeys) {
  SigningKey engine = SigningKey::generate("engine", SignatureType::kEd25519).value();
  LockFile file{sample_lock()};
  EXPECT_EQ(approve(file, engine).error().code, "wrong_key");
  EXPECT_TRUE(file.approvals.empty());
  EXPECT_EQ(check_approvals(file, std::vector{engine.verifier()}, 0).error().code, "wrong_key");
}

TEST(Approval, AllowsOneTransition) {
  const Lock lock = sample_lock();
  const auto base = lock.base_root;
  const auto check = [&](const char* tenant, std::optional<merkle::Hash> from, merkle::Hash to,
                         int64_t now) {
    Status status = check_transition(lock, tenant, from, to, now);
    return status ? "" : status.error().code;
  };
  EXPECT_EQ(check("default", base, lock.tenant_root, kSampleEnd), "");
  EXPECT_EQ(check("default", base, lock.tenant_root, kSampleEnd + 1), "lock_expired");
  EXPECT_EQ(check("other", base, lock.tenant_root, 0), "wrong_tenant");
  EXPECT_EQ(check("default", std::nullopt, lock.tenant_root, 0), "wrong_base_root");
  EXPECT_EQ(check("default", lock.tenant_root, lock.tenant_root, 0), "wrong_base_root");
  EXPECT_EQ(check("default", base, *base, 0), "wrong_tenant_root");
}

}  // namespace
}  // namespace flagmesh::lockfile
