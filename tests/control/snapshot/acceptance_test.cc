#include "control/snapshot/acceptance.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

class AcceptanceTest : public testing::Test {
 protected:
  AcceptanceTest() {
    first_ = engine_.publish({{"default", "checkout", flag_json("checkout", 25)},
                              {"default", "search", flag_json("search", 50)},
                              {"other", "secret", flag_json("secret", 1, "other")}});
  }

  static Acceptance make(TrustRules rules) {
    Result<Acceptance> made = Acceptance::create(std::move(rules), "default");
    EXPECT_TRUE(made) << made.error().text();
    return *std::move(made);
  }
  // The first epoch, read whole.
  Acceptance at_first() {
    Acceptance acceptance = make(engine_.rules());
    Result<Acceptance::Head> head = acceptance.judge(first_.head, kNow);
    EXPECT_TRUE(head) << head.error().text();
    const StoredState state = stored(first_);
    Result<AcceptedState> accepted =
        acceptance.accept_full(*head, state.manifest, state.chunks, {});
    EXPECT_TRUE(accepted) << accepted.error().text();
    return acceptance;
  }
  static std::string code(const Result<Acceptance::Head>& result) {
    return result ? "" : result.error().code;
  }
  static std::string code(const Result<AcceptedState>& result) {
    return result ? "" : result.error().code;
  }
  // What accepting these deltas under the publication's head says.
  static std::string deltas_code(Acceptance& acceptance, const Publication& publication,
                                 const std::vector<std::string>& deltas) {
    Result<Acceptance::Head> head = acceptance.judge(publication.head, kNow);
    if (!head) return head.error().code;
    const uint64_t before = acceptance.size();
    const merkle::Hash root = acceptance.replica().tenant_root("default");
    Result<AcceptedState> accepted = acceptance.accept_deltas(*head, deltas);
    if (accepted) return "";
    EXPECT_EQ(acceptance.size(), before);  // refused whole
    EXPECT_EQ(acceptance.replica().tenant_root("default"), root);
    EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 25);
    return accepted.error().code;
  }

  PublishingEngine engine_;
  Publication first_;
};

TEST_F(AcceptanceTest, ReadsAllThenFollowsDeltas) {
  Acceptance acceptance = at_first();
  EXPECT_EQ(acceptance.size(), 1U);
  EXPECT_EQ(acceptance.replica().flags().size(), 2U);  // nothing of the other tenant
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 25);
  EXPECT_TRUE(acceptance.trust().proven);
  EXPECT_TRUE(acceptance.trust().fresh_at(kNow, 0));
  EXPECT_FALSE(acceptance.trust().fresh_at(kNow + 600'001, 0));

  const FlagTable before = acceptance.replica().flags();
  const Publication second = engine_.set("checkout", 75);
  EXPECT_EQ(deltas_code(acceptance, second, {second.tenants[0].delta}), "");
  EXPECT_EQ(acceptance.size(), 2U);
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 75);
  // What did not change is the same object.
  EXPECT_EQ(before.find("default", "search"),
            acceptance.replica().flags().find("default", "search"));
}

TEST_F(AcceptanceTest, SeveralDeltasAreOneStep) {
  Acceptance acceptance = at_first();
  const Publication a = engine_.set("checkout", 30);
  const Publication b = engine_.publish(
      {{"default", "new", flag_json("new", 5)}, {"default", "search", std::nullopt}});
  const Publication c = engine_.publish(
      {{"default", "new", std::nullopt}, {"default", "checkout", flag_json("checkout", 40)}});
  EXPECT_EQ(
      deltas_code(acceptance, c, {a.tenants[0].delta, b.tenants[0].delta, c.tenants[0].delta}), "");
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 40);
  EXPECT_EQ(acceptance.replica().flags().size(), 1U);
}

TEST_F(AcceptanceTest, EpochThatNeverBecameHeadIsStepOver) {
  Acceptance acceptance = at_first();
  engine_.stage({{"default", "checkout", flag_json("checkout", 99)}});
  engine_.writer.discard();  // refused by a validator: it stays in the log
  const Publication third = engine_.set("search", 10);
  EXPECT_EQ(third.size, 3U);
  EXPECT_EQ(deltas_code(acceptance, third, {third.tenants[0].delta}), "");
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 25);
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "search"), 10);
}

TEST_F(AcceptanceTest, GapIsBridgedByLeavesAndRefusedWithoutThem) {
  Acceptance acceptance = at_first();
  const Publication second = engine_.set("checkout", 30);
  const Publication third = engine_.set("checkout", 35);
  EXPECT_EQ(deltas_code(acceptance, third, {third.tenants[0].delta}), "gap");
  Result<Acceptance::Head> head = acceptance.judge(third.head, kNow);
  Result<Publication> all = engine_.writer.everything(engine_.log, third.head, std::nullopt);
  const StoredState state = stored(*all);
  EXPECT_EQ(code(acceptance.accept_full(*head, state.manifest, state.chunks, {})), "gap");
  EXPECT_EQ(
      code(acceptance.accept_full(*head, state.manifest, state.chunks, {first_.tile.leaves[0]})),
      "inconsistent_log");
  EXPECT_EQ(
      code(acceptance.accept_full(*head, state.manifest, state.chunks, {second.tile.leaves[0]})),
      "");
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 35);
}

TEST_F(AcceptanceTest, HeartbeatRenews) {
  Acceptance acceptance = at_first();
  const int64_t later = kNow + 500'000;
  Result<Acceptance::Head> head =
      acceptance.judge(engine_.sign(engine_.checkpoint(), later), later);
  ASSERT_TRUE(head);
  EXPECT_FALSE(head->is_new);
  EXPECT_TRUE(acceptance.trust().fresh_at(later + 599'000, 0));
  // An older heartbeat takes nothing back.
  EXPECT_TRUE(acceptance.judge(first_.head, kNow));
  EXPECT_TRUE(acceptance.trust().fresh_at(later + 599'000, 0));
}

TEST_F(AcceptanceTest, HeadsThatAreRefused) {
  Acceptance acceptance = at_first();
  const Publication second = engine_.set("checkout", 30);
  ASSERT_EQ(deltas_code(acceptance, second, {second.tenants[0].delta}), "");
  const merkle::Checkpoint good = engine_.checkpoint();
  const auto key = [](uint8_t seed, merkle::SignatureType type) {
    return make_key("engine", type, seed);
  };
  merkle::Checkpoint other_root = good;
  other_root.root.bytes[0] ^= 1;
  merkle::Checkpoint later = other_root;
  later.size = 1'000'000'000'000;
  std::string spoiled = second.head;
  spoiled[spoiled.size() - 8] = spoiled[spoiled.size() - 8] == 'A' ? 'B' : 'A';
  merkle::Checkpoint elsewhere = good;
  elsewhere.origin = "elsewhere.example/flags";

  EXPECT_EQ(code(acceptance.judge("", kNow)), "bad_head");
  EXPECT_EQ(code(acceptance.judge(second.head.substr(0, 40), kNow)), "bad_head");
  EXPECT_EQ(code(acceptance.judge(second.head + second.head, kNow)), "bad_head");
  EXPECT_EQ(code(acceptance.judge(std::string(2'000'000, 'x'), kNow)), "bad_head");
  EXPECT_EQ(code(acceptance.judge(std::string(100, '\0'), kNow)), "bad_head");
  EXPECT_EQ(code(acceptance.judge(engine_.sign(elsewhere, kNow), kNow)), "bad_origin");
  EXPECT_EQ(code(acceptance.judge(spoiled, kNow)), "bad_signature");
  EXPECT_EQ(code(acceptance.judge(engine_.sign_by(good, key(9, merkle::SignatureType::kEd25519),
                                                  key(9, merkle::SignatureType::kCosignatureV1)),
                                  kNow)),
            "not_enough_signatures");
  EXPECT_EQ(code(acceptance.judge(second.head, kNow + 700'000)), "stale");
  EXPECT_EQ(code(acceptance.judge(engine_.sign(good, kNow + 120'000), kNow)), "from_future");
  EXPECT_EQ(code(acceptance.judge(first_.head, kNow)), "rollback");
  EXPECT_EQ(code(acceptance.judge(engine_.sign(other_root, kNow), kNow)), "fork");
  // Signed by a stolen engine key, but not a continuation of this log.
  Result<Acceptance::Head> head = acceptance.judge(engine_.sign(later, kNow), kNow);
  ASSERT_TRUE(head);
  EXPECT_EQ(code(acceptance.accept_deltas(*head, {})), "gap");
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 30);
}

TEST_F(AcceptanceTest, SignatureOfOneRoleIsNotOfAnother) {
  TrustRules rules = engine_.rules_with_validator();
  Acceptance acceptance = make(rules);
  EXPECT_EQ(code(acceptance.judge(engine_.sign(engine_.checkpoint(), kNow), kNow)),
            "not_enough_signatures");
  EXPECT_TRUE(acceptance.judge(engine_.sign(engine_.checkpoint(), kNow, true), kNow));
  // The validator's cosignature alone is no engine's signature.
  merkle::Note note{engine_.checkpoint().text(), {}};
  put_signature(note, *sign_text(note.text, engine_.validator(), kNow / 1000));
  EXPECT_EQ(code(acceptance.judge(note.str(), kNow)), "not_enough_signatures");
}

TEST_F(AcceptanceTest, ClockSetBackDoesNotMakeOldHeadsYoungOrNewOnesFuture) {
  Acceptance acceptance = make(engine_.rules());
  const int64_t later = kNow + 3'600'000;
  ASSERT_TRUE(acceptance.judge(engine_.sign(engine_.checkpoint(), later), later));
  // The clock falls back by an hour: what was said an hour ago is still old.
  EXPECT_EQ(code(acceptance.judge(first_.head, kNow)), "stale");
  EXPECT_TRUE(acceptance.judge(engine_.sign(engine_.checkpoint(), later + 30'000), kNow));
}

TEST_F(AcceptanceTest, MinimumCheckpoint) {
  TrustRules rules = engine_.rules();
  rules.min_checkpoint = 2;
  Acceptance acceptance = make(rules);
  EXPECT_EQ(code(acceptance.judge(first_.head, kNow)), "too_small");
}

// Deltas as someone who owns the carrier would alter them.
TEST_F(AcceptanceTest, AlteredDeltas) {
  Acceptance acceptance = at_first();
  const Publication second = engine_.publish({{"default", "checkout", flag_json("checkout", 30)},
                                              {"default", "search", flag_json("search", 60)}});
  const Delta good = *Delta::parse(second.tenants[0].delta, "default");
  const auto with = [&](auto change) {
    Delta altered = good;
    change(altered);
    return deltas_code(acceptance, second, {altered.encode()});
  };
  EXPECT_EQ(with([](Delta& d) {
              d.change.changed[0].json.replace(d.change.changed[0].json.find("30"), 2, "99");
            }),
            "root_mismatch");
  EXPECT_EQ(with([](Delta& d) { d.change.changed[0].opening.bytes[3] ^= 1; }), "root_mismatch");
  EXPECT_EQ(with([](Delta& d) { std::swap(d.change.changed[0].json, d.change.changed[1].json); }),
            "root_mismatch");
  EXPECT_EQ(with([](Delta& d) { d.change.changed.pop_back(); }), "root_mismatch");
  EXPECT_EQ(with([](Delta& d) {
              d.change.changed.push_back({"zzz", {}, flag_json("zzz", 1)});
            }),
            "root_mismatch");
  EXPECT_EQ(with([](Delta& d) {
              d.change.changed.pop_back();
              d.change.gone.push_back("search");
            }),
            "root_mismatch");
  EXPECT_EQ(with([](Delta& d) { std::swap(d.change.changed[0], d.change.changed[1]); }),
            "bad_state");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.root.bytes[0] ^= 1; }), "unproven_tenant");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.flags++; }), "unproven_tenant");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.index = 1; }), "unproven_tenant");
  EXPECT_EQ(with([](Delta& d) { d.change.proof.path.clear(); }), "unproven_tenant");
  EXPECT_EQ(with([](Delta& d) { d.log.record.state_root.bytes[0] ^= 1; }), "inconsistent_log");
  EXPECT_EQ(with([](Delta& d) { d.log.record.time_ms++; }), "inconsistent_log");
  EXPECT_EQ(with([](Delta& d) {
              d.log.record.epoch++;
              d.log.from++;
            }),
            "bad_record");
  EXPECT_EQ(with([](Delta& d) {
              d.log.record.epoch = 1;
              d.log.from = 0;
            }),
            "bad_record");
  // The state of another tenant in the place of ours.
  EXPECT_EQ(deltas_code(acceptance, second, {second.tenants[1].delta}), "unproven_tenant");
  // Cut anywhere.
  const std::string bytes = second.tenants[0].delta;
  for (size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_EQ(deltas_code(acceptance, second, {bytes.substr(0, size)}), "bad_state") << size;
  }
  EXPECT_EQ(deltas_code(acceptance, second, {bytes + "x"}), "bad_state");
  EXPECT_EQ(deltas_code(acceptance, second, {bytes, bytes}), "gap");
  // And untouched, after all of that.
  EXPECT_EQ(deltas_code(acceptance, second, {bytes}), "");
}

TEST_F(AcceptanceTest, OldStateUnderNewHead) {
  Acceptance acceptance = make(engine_.rules());
  const Publication second = engine_.set("checkout", 30);
  Result<Acceptance::Head> head = acceptance.judge(second.head, kNow);
  const StoredState old = stored(first_);
  EXPECT_EQ(code(acceptance.accept_full(*head, old.manifest, old.chunks, {})), "bad_record");
  Result<Publication> all = engine_.writer.everything(engine_.log, second.head, std::nullopt);
  StoredState state = stored(*all);
  StoredState mixed{state.manifest, old.chunks};
  EXPECT_EQ(code(acceptance.accept_full(*head, mixed.manifest, mixed.chunks, {})), "bad_chunk");
  mixed.manifest.chunks = old.manifest.chunks;
  EXPECT_EQ(code(acceptance.accept_full(*head, mixed.manifest, mixed.chunks, {})), "root_mismatch");
  mixed = state;
  mixed.chunks.pop_back();
  EXPECT_EQ(code(acceptance.accept_full(*head, mixed.manifest, mixed.chunks, {})), "bad_state");
  EXPECT_EQ(acceptance.size(), 0U);
  EXPECT_EQ(acceptance.trust().unproven_reason, "no_state");
  EXPECT_EQ(code(acceptance.accept_full(*head, state.manifest, state.chunks, {})), "");
}

TEST_F(AcceptanceTest, ProvenEntryThatIsNoFlagIsRefused) {
  Acceptance acceptance = at_first();
  const Publication bad = engine_.publish({{"default", "broken", R"({"key":"broken"})"}});
  EXPECT_EQ(deltas_code(acceptance, bad, {bad.tenants[0].delta}), "bad_flag");
  const Publication wrong = engine_.publish({{"default", "broken", flag_json("another", 1)}});
  EXPECT_EQ(deltas_code(acceptance, wrong, {bad.tenants[0].delta, wrong.tenants[0].delta}),
            "bad_flag");
}

TEST_F(AcceptanceTest, PersistDecidesBeforeAnythingTakesEffect) {
  std::string seen;
  bool fails = true;
  Result<Acceptance> made = Acceptance::create(
      engine_.rules(), "default",
      [&](std::string_view head, const StateReplica::Proposal& proposal) -> Status {
        seen = head;
        EXPECT_EQ(proposal.before.size(), 0U);
        EXPECT_EQ(proposal.after.size(), 2U);
        if (fails) return fail("disk_full", "no space");
        return {};
      });
  Result<Acceptance::Head> head = made->judge(first_.head, kNow);
  const StoredState state = stored(first_);
  EXPECT_EQ(code(made->accept_full(*head, state.manifest, state.chunks, {})), "disk_full");
  EXPECT_EQ(made->size(), 0U);
  EXPECT_EQ(seen, first_.head);
  fails = false;
  EXPECT_EQ(code(made->accept_full(*head, state.manifest, state.chunks, {})), "");
}

TEST_F(AcceptanceTest, UnsignedTakesAnyLog) {
  TrustRules rules;
  rules.policy = TrustPolicy::kUnsigned;
  Acceptance acceptance = make(rules);
  // A bare checkpoint will do, however old.
  Result<Acceptance::Head> head = acceptance.judge(engine_.checkpoint().text(), kNow * 2);
  ASSERT_TRUE(head);
  StoredState state = stored(first_);
  ASSERT_EQ(code(acceptance.accept_full(*head, state.manifest, state.chunks, {})), "");
  const Publication second = engine_.set("checkout", 30);
  ASSERT_EQ(code(acceptance.accept_deltas(*acceptance.judge(second.head, kNow),
                                          std::vector{second.tenants[0].delta})),
            "");
  EXPECT_TRUE(acceptance.trust().fresh_at(kNow * 3, 0));
  // The engine begins a new log; what is altered on the way is refused all the same.
  PublishingEngine other("other.example");
  const Publication anew = other.set("checkout", 5);
  state = stored(anew);
  head = acceptance.judge(anew.head, kNow);
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->is_new);
  std::vector<std::string> spoiled = state.chunks;
  spoiled[0][40] ^= 1;
  EXPECT_EQ(code(acceptance.accept_full(*head, state.manifest, spoiled, {})), "bad_chunk");
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 30);
  ASSERT_EQ(code(acceptance.accept_full(*head, state.manifest, state.chunks, {})), "");
  EXPECT_EQ(acceptance.size(), 1U);
  EXPECT_EQ(on_weight(acceptance.replica().flags(), "checkout"), 5);
}

TEST_F(AcceptanceTest, TenantNames) {
  EXPECT_FALSE(Acceptance::create(engine_.rules(), ""));
  EXPECT_FALSE(Acceptance::create(engine_.rules(), "../x"));
}

}  // namespace
}  // namespace flagmesh::snapshot
