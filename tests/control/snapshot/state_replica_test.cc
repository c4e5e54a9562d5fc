#include "control/snapshot/state_replica.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

// A validator's view: every tenant, step by step from candidates.
class ReplicaTest : public testing::Test {
 protected:
  StateStep step() {
    Candidate candidate = engine_.writer.candidate(engine_.log, "note");
    StateStep step;
    step.full = candidate.before.has_value();
    step.before = candidate.before;
    step.log = candidate.log;
    step.tenants = candidate.tenants;
    return step;
  }
  std::string take(const StateStep& step, const StateReplica::Gate& gate = {}) {
    Status taken = replica_.take(engine_.checkpoint(), step, gate);
    return taken ? "" : taken.error().code;
  }

  PublishingEngine engine_;
  StateReplica replica_ = StateReplica::of_all();
};

TEST_F(ReplicaTest, FollowsEveryTenantAndRefusesAnythingLess) {
  engine_.stage({{"one", "a", flag_json("a", 1, "one")}, {"two", "b", flag_json("b", 2, "two")}});
  StateStep good = step();
  StateStep bad = good;
  bad.tenants.pop_back();
  EXPECT_EQ(take(bad), "wrong_tenants");
  bad = good;
  std::swap(bad.tenants[0], bad.tenants[1]);
  EXPECT_EQ(take(bad), "wrong_tenants");
  bad = good;
  bad.tenants.clear();
  EXPECT_EQ(take(bad), "wrong_tenants");
  bad = good;
  bad.before.reset();
  EXPECT_EQ(take(bad), "gap");
  ASSERT_EQ(take(good), "");
  engine_.writer.commit(1);
  EXPECT_EQ(replica_.flags().size(), 2U);
  EXPECT_EQ(take(good), "gap");  // not twice

  engine_.stage(
      {{"two", "b", std::nullopt}, {"two", "", R"({"metadata":{"x":1},"tenant":"two"})"}});
  ASSERT_EQ(take(step()), "");
  engine_.writer.commit(2);
  EXPECT_EQ(replica_.flags().size(), 1U);
  EXPECT_EQ(replica_.metadata("two"), R"({"metadata":{"x":1},"tenant":"two"})");
  engine_.stage({{"two", "", std::nullopt}});
  ASSERT_EQ(take(step()), "");
  EXPECT_EQ(replica_.metadata("two"), "");
  EXPECT_EQ(replica_.tenant_root("two"), merkle::empty_root());
}

TEST_F(ReplicaTest, ExamineKeepsNothing) {
  engine_.stage({{"one", "a", flag_json("a", 1, "one")}});
  ASSERT_EQ(take(step()), "");
  engine_.writer.commit(1);
  engine_.stage({{"one", "a", flag_json("a", 9, "one")}, {"two", "n", flag_json("n", 1, "two")}});
  size_t seen = 0;
  const StateStep next = step();
  const auto look = [&](const StateReplica::Proposal& proposal) -> Status {
    seen = proposal.after.size();
    return {};
  };
  EXPECT_TRUE(replica_.examine(engine_.checkpoint(), next, look));
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(replica_.size(), 1U);
  EXPECT_EQ(replica_.flags().size(), 1U);
  EXPECT_EQ(replica_.tenant_root("two"), merkle::empty_root());
  EXPECT_EQ(take(next, [](const auto&) -> Status { return fail("frozen", "not today"); }),
            "frozen");
  EXPECT_EQ(replica_.size(), 1U);
  EXPECT_EQ(take(next), "");
  EXPECT_EQ(replica_.size(), 2U);
}

TEST_F(ReplicaTest, CopiesAreIndependent) {
  engine_.stage({{"one", "a", flag_json("a", 1, "one")}});
  ASSERT_EQ(take(step()), "");
  StateReplica copy = replica_;
  engine_.writer.commit(1);
  engine_.stage({{"one", "a", flag_json("a", 9, "one")}});
  ASSERT_EQ(take(step()), "");
  EXPECT_EQ(copy.size(), 1U);
  EXPECT_TRUE(copy.take(engine_.checkpoint(), step()));
  EXPECT_EQ(copy.tenant_root("one"), replica_.tenant_root("one"));
}

TEST_F(ReplicaTest, WholeCandidateOfARestartedEngineLeadsOn) {
  engine_.stage({{"one", "a", flag_json("a", 1, "one")}});
  ASSERT_EQ(take(step()), "");
  // An engine that knows the log and that size 1 is the head, not what is in it.
  PublishingEngine restarted;
  ASSERT_TRUE(restarted.log.append(engine_.log.record(1)));
  restarted.writer.set_unknown_head(1);
  restarted.stage({{"three", "z", flag_json("z", 5, "three")}});
  Candidate candidate = restarted.writer.candidate(restarted.log, "note");
  StateStep whole{true, candidate.log, candidate.before, candidate.tenants};
  Status taken = replica_.take(restarted.checkpoint(), whole);
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_EQ(replica_.flags().size(), 1U);
  EXPECT_NE(replica_.flags().find("three", "z"), nullptr);
  EXPECT_EQ(replica_.flags().find("one", "a"), nullptr);
}

}  // namespace
}  // namespace flagmesh::snapshot
