#include "control/validator/policy.h"

#include <gtest/gtest.h>

#include "lockfile/approval.h"
#include "lockfile/lock_file.h"
#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::validator {
namespace {

using snapshot::FlagEntry;
using snapshot::FlagTable;

constexpr int64_t kMonday = 4 * 24 * 3600 + 10 * 3600;  // 1970-01-05, 10:00 UTC
constexpr int64_t kHour = 3600;

std::shared_ptr<const FlagEntry> entry(const std::string& key, const std::string& json) {
  const auto definition = flags::parse_canonical_flag(json);
  EXPECT_TRUE(definition) << json;
  return std::make_shared<const FlagEntry>(FlagEntry{
      *flags::CompiledFlag::compile(*definition), json,
      merkle::make_leaf_hash({}, merkle::LeafKind::kFlag, "default", key, json)});
}

FlagTable table(const std::map<std::string, std::string>& flags) {
  std::vector<std::shared_ptr<const FlagEntry>> entries;
  for (const auto& [key, json] : flags) entries.push_back(entry(key, json));
  return FlagTable::from_entries(std::move(entries));
}
FlagTable at(int on) {
  return table({{"checkout", snapshot::flag_json("checkout", on)}});
}
FlagTable killed(const std::string& key, bool disabled = false) {
  auto flag = *flags::parse_canonical_flag(snapshot::flag_json(key, 25));
  flag.targeting = {};
  if (disabled) flag.state = flags::FlagState::kDisabled;
  return table({{key, flags::canonical_flag(flag)}});
}

config::PolicyConfig ten_percent() {
  config::PolicyConfig rules;
  rules.max_moved_ppm = 100'000;
  return rules;
}

// The code of the refusal, or "" and the memory goes on.
std::string judge(const Policy& policy, PolicyMemory& memory, const FlagTable& before,
                  const FlagTable& after, uint64_t epoch = 2, int64_t now = kMonday) {
  const std::string lock;
  const auto next =
      policy.judge({.epoch = epoch, .now = now, .before = before, .after = after, .lock = lock},
                   memory);
  if (!next) return next.error().code;
  memory = *next;
  return {};
}

TEST(Policy, AddsUpWhatAFlagMovesWithinTheWindow) {
  const Policy policy(ten_percent());
  PolicyMemory memory;
  EXPECT_EQ(judge(policy, memory, at(20), at(26), 2), "");
  EXPECT_EQ(judge(policy, memory, at(26), at(31), 3, kMonday + 60), "share_moved");
  EXPECT_EQ(judge(policy, memory, at(26), at(30), 4, kMonday + 60), "");
  EXPECT_EQ(judge(policy, memory, at(30), at(29), 5, kMonday + 90), "share_moved");
  // Another flag has a sum of its own.
  EXPECT_EQ(judge(policy, memory, table({{"a", snapshot::flag_json("a", 1)}}),
                  table({{"a", snapshot::flag_json("a", 11)}}), 6, kMonday + 90),
            "");
  EXPECT_EQ(judge(policy, memory, at(30), at(36), 7, kMonday + kHour + 1), "");
  EXPECT_EQ(judge(policy, memory, at(36), at(41), 8, kMonday + kHour + 2), "share_moved");
}

TEST(Policy, AnEpochThatIsAskedAgainCountsOnce) {
  const Policy policy(ten_percent());
  PolicyMemory memory;
  EXPECT_EQ(judge(policy, memory, at(20), at(29), 2), "");
  EXPECT_EQ(judge(policy, memory, at(20), at(29), 2), "");
  EXPECT_EQ(memory.moves.size(), 1u);
}

TEST(Policy, AKillPassesWhateverElseIsAsked) {
  config::PolicyConfig rules = ten_percent();
  rules.max_moved_ppm = 0;
  rules.frozen = {"check*"};
  rules.hours = {{.days = 1U << 6}};
  rules.require_lock.approvers.push_back(
      snapshot::make_key("alice", merkle::SignatureType::kApproval, 7).verifier());
  rules.require_lock.required = 1;
  const Policy policy(rules);
  PolicyMemory memory;
  EXPECT_EQ(judge(policy, memory, at(20), at(20)), "");
  EXPECT_EQ(judge(policy, memory, at(20), killed("checkout")), "");
  EXPECT_EQ(judge(policy, memory, at(20), killed("checkout", true)), "");
  EXPECT_EQ(judge(policy, memory, at(20), at(21)), "frozen_flag");
  EXPECT_EQ(judge(policy, memory, killed("checkout"), at(20)), "frozen_flag");
}

TEST(Policy, HoursAreInUtc) {
  config::PolicyConfig rules;
  rules.hours = {{.days = 0x1F, .from = 8 * 60, .to = 18 * 60}};
  const Policy policy(rules);
  PolicyMemory memory;
  EXPECT_EQ(judge(policy, memory, at(1), at(2), 2, kMonday), "");
  EXPECT_EQ(judge(policy, memory, at(1), at(2), 2, kMonday - 2 * kHour), "");
  EXPECT_EQ(judge(policy, memory, at(1), at(2), 2, kMonday - 2 * kHour - 1), "outside_hours");
  EXPECT_EQ(judge(policy, memory, at(1), at(2), 2, kMonday + 8 * kHour), "outside_hours");
  EXPECT_EQ(judge(policy, memory, at(1), at(2), 2, kMonday - 24 * kHour), "outside_hours");
}

TEST(Policy, AFlagThatGoesMovesEverybodyAndANewOneNobody) {
  const Policy policy(ten_percent());
  PolicyMemory memory;
  EXPECT_EQ(judge(policy, memory, {}, at(100)), "");
  EXPECT_EQ(judge(policy, memory, at(1), {}), "share_moved");
}

class PolicyLockTest : public testing::Test {
 protected:
  PolicyLockTest() {
    rules_.require_lock.approvers = {alice_.verifier(), bob_.verifier()};
    rules_.require_lock.required = 2;
    lock_.lock.tenant = "default";
    lock_.lock.not_after = kMonday + kHour;
    lock_.lock.base_root = from_;
    lock_.lock.loose_flags = {{"checkout", to_leaf_}};
    lock_.lock.tenant_root = *lockfile::root_of_leaves(lock_.lock);
  }

  std::string judge(uint64_t epoch, int64_t now, uint64_t head = 1) {
    const std::string text = sends_ ? lock_.text() : std::string();
    const FlagTable before = at(20);
    const FlagTable after = at(90);
    Policy::Case what{.epoch = epoch, .now = now, .before = before, .after = after, .lock = text,
                      .head = head};
    what.tenants.push_back({"default", {from_}, lock_.lock.tenant_root});
    const auto next = Policy(rules_).judge(what, memory_);
    if (!next) return next.error().code;
    memory_ = *next;
    return {};
  }

  config::PolicyConfig rules_;
  merkle::SigningKey alice_ = snapshot::make_key("alice", merkle::SignatureType::kApproval, 7);
  merkle::SigningKey bob_ = snapshot::make_key("bob", merkle::SignatureType::kApproval, 8);
  merkle::Hash from_ = merkle::sha256("from");
  merkle::Hash to_leaf_ = merkle::sha256("to");
  lockfile::LockFile lock_;
  bool sends_ = true;
  PolicyMemory memory_;
};

TEST_F(PolicyLockTest, AsksForEveryApproverAndTheVeryStep) {
  sends_ = false;
  EXPECT_EQ(judge(2, kMonday), "lock_required");
  sends_ = true;
  EXPECT_EQ(judge(2, kMonday), "not_enough_approvals");
  ASSERT_TRUE(lockfile::approve(lock_, alice_));
  EXPECT_EQ(judge(2, kMonday), "not_enough_approvals");
  ASSERT_TRUE(lockfile::approve(lock_, bob_));
  EXPECT_EQ(judge(2, kMonday + 2 * kHour), "lock_expired");
  from_ = merkle::sha256("another state");
  EXPECT_EQ(judge(2, kMonday), "wrong_base_root");
}

TEST_F(PolicyLockTest, ALockIsUsedOnce) {
  ASSERT_TRUE(lockfile::approve(lock_, alice_));
  ASSERT_TRUE(lockfile::approve(lock_, bob_));
  EXPECT_EQ(judge(2, kMonday), "");
  // Overtaken before it was in force: the same step again, as another epoch.
  EXPECT_EQ(judge(3, kMonday), "");
  // In force, and back again by other means: the old lock does not lead there once more.
  EXPECT_EQ(judge(6, kMonday, 5), "lock_spent");
}

}  // namespace
}  // namespace flagmesh::validator
