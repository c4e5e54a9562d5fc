#include "control/snapshot/journal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string name = testing::TempDir() + "journal_XXXXXX";
    folder_ = mkdtemp(name.data());
    first_ =
        engine_.publish({{"default", "checkout", flag_json("checkout", 25)},
                         {"default", "search", flag_json("search", 50)},
                         {"default", {}, R"({"metadata":{"owner":"shop"},"tenant":"default"})"},
                         {"other", "secret", flag_json("secret", 1, "other")}});
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Journal> open() {
    auto journal = Journal::open(folder_);
    EXPECT_TRUE(journal) << journal.error().text();
    return *std::move(journal);
  }
  static Acceptance over(Journal& journal, TrustRules rules) {
    return *Acceptance::create(std::move(rules), "default",
                               [&journal](std::string_view head, const auto& proposal) {
                                 return journal.keep(head, proposal);
                               });
  }
  Acceptance over(Journal& journal) { return over(journal, engine_.rules()); }
  static std::string accept_all(Acceptance& acceptance, const Publication& publication) {
    const auto head = acceptance.judge(publication.head, kNow);
    if (!head) return head.error().code;
    const StoredState state = stored(publication);
    const auto accepted = acceptance.accept_full(*head, state.manifest, state.chunks, {});
    return accepted ? "" : accepted.error().code;
  }
  static std::string follow(Acceptance& acceptance, const Publication& publication) {
    const auto head = acceptance.judge(publication.head, kNow);
    if (!head) return head.error().code;
    const auto accepted = acceptance.accept_deltas(*head, {{publication.tenants[0].delta}});
    return accepted ? "" : accepted.error().code;
  }
  // A journal with a base and two steps.
  void fill() {
    const auto journal = open();
    Acceptance acceptance = over(*journal);
    ASSERT_EQ(accept_all(acceptance, first_), "");
    second_ = engine_.set("checkout", 30);
    third_ = engine_.publish(
        {{"default", "search", std::nullopt}, {"default", "new", flag_json("new", 5)}});
    ASSERT_EQ(follow(acceptance, second_), "");
    ASSERT_EQ(follow(acceptance, third_), "");
  }
  std::string bytes() const {
    std::ifstream in(folder_ + "/journal", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& bytes) const {
    std::ofstream(folder_ + "/journal", std::ios::binary) << bytes;
  }

  std::string folder_;
  PublishingEngine engine_;
  Publication first_;
  Publication second_;
  Publication third_;
};

TEST_F(JournalTest, BootsWhatWasAccepted) {
  fill();
  const auto journal = open();
  const auto stored = journal->read();
  ASSERT_TRUE(stored && *stored) << stored.error().text();
  EXPECT_EQ((*stored)->deltas.size(), 2U);
  EXPECT_EQ((*stored)->head, third_.head);
  Acceptance acceptance = over(*journal);
  const auto state = acceptance.restore(**stored, kNow);
  ASSERT_TRUE(state && *state) << state.error().text();
  EXPECT_TRUE((*state)->trust.proven);
  EXPECT_EQ((*state)->trust.epoch, 3U);
  EXPECT_NE((*state)->trust.metadata, nullptr);
  EXPECT_EQ(on_weight((*state)->flags, "checkout"), 30);
  EXPECT_EQ(on_weight((*state)->flags, "search"), -1);
  EXPECT_EQ(on_weight((*state)->flags, "new"), 5);
  // The old head is refused as it was before the restart, and the next epoch is taken.
  EXPECT_EQ(accept_all(acceptance, first_), "rollback");
  ASSERT_TRUE(journal->resume(**stored));
  EXPECT_EQ(follow(acceptance, engine_.set("checkout", 35)), "");
  EXPECT_EQ(journal->read()->value().deltas.size(), 3U);
}

TEST_F(JournalTest, StateThatIsTooOldIsKnownAndStale) {
  fill();
  const auto journal = open();
  Acceptance acceptance = over(*journal);
  const auto state = acceptance.restore(**journal->read(), kNow + 700'000, 5);
  ASSERT_TRUE(state && *state);
  EXPECT_TRUE((*state)->trust.proven);
  EXPECT_FALSE((*state)->trust.fresh_at(kNow + 700'000, 5));
  // A date that is set back makes it no younger than the journal's newest signature.
  Acceptance again = over(*journal);
  const auto back = again.restore(**journal->read(), kNow - 3'600'000, 5);
  EXPECT_TRUE((*back)->trust.fresh_at(kNow - 3'600'000, 600'000));
  EXPECT_FALSE((*back)->trust.fresh_at(kNow - 3'600'000, 5 + 600'001));
}

TEST_F(JournalTest, NewestTimestampOutlivesARestart) {
  fill();
  const int64_t later = kNow + 3'600'000;
  {
    const auto journal = open();
    ASSERT_TRUE(journal->keep_newest(engine_.sign(engine_.checkpoint(), later)));
  }
  const auto journal = open();
  Acceptance acceptance = over(*journal);
  const auto state = acceptance.restore(**journal->read(), kNow);
  ASSERT_TRUE(state && *state);
  EXPECT_EQ(acceptance.newest_verified_ms(), later);
  EXPECT_EQ((*state)->trust.freshness->newest_ms(), later);
  EXPECT_EQ(follow(acceptance, engine_.set("checkout", 40)), "stale");  // signed an hour before
}

TEST_F(JournalTest, TornEndIsCutWhereverItIsTorn) {
  fill();
  const std::string whole = bytes();
  const auto stored = *parse_journal(whole);
  // The frame of the last step begins behind the one before it.
  size_t last = whole.rfind("FMJ");
  for (size_t size = last; size < whole.size(); ++size) {
    const auto cut = parse_journal(whole.substr(0, size));
    ASSERT_TRUE(cut) << size;
    ASSERT_EQ(cut->deltas.size(), 1U) << size;
    ASSERT_EQ(cut->whole_bytes, last);
  }
  // Pages of it that never reached the disk read as zeros.
  std::string holes = whole;
  for (size_t at = last; at < last + 60; ++at) holes[at] = 0;
  EXPECT_EQ(parse_journal(holes)->deltas.size(), 1U);
  put(whole.substr(0, whole.size() - 3));
  const auto journal = open();
  Acceptance acceptance = over(*journal);
  const auto torn = *journal->read();
  ASSERT_TRUE(acceptance.restore(*torn, kNow));
  ASSERT_TRUE(journal->resume(*torn));
  EXPECT_EQ(follow(acceptance, third_), "");
  EXPECT_EQ(bytes(), whole);
}

TEST_F(JournalTest, DamageThatNoCrashMakesIsRefused) {
  fill();
  const std::string whole = bytes();
  const size_t last = whole.rfind("FMJ");
  for (size_t at = 0; at < last; at += at < 40 ? 1 : 17) {
    std::string damaged = whole;
    damaged[at] ^= 0x20;
    const auto read = parse_journal(damaged);
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().code, "corrupt_journal");
  }
  put("");
  EXPECT_EQ(open()->read().error().code, "corrupt_journal");
  EXPECT_NE(open()->read().error().mend.find("min_checkpoint"), std::string::npos);
}

TEST_F(JournalTest, AlteredStateDoesNotProveItself) {
  fill();
  const auto journal = open();
  StoredTrust stored = **journal->read();
  const auto code = [&](const StoredTrust& altered) {
    Acceptance acceptance = over(*journal);
    const auto state = acceptance.restore(altered, kNow);
    return state ? "" : state.error().code;
  };
  EXPECT_EQ(code(stored), "");
  StoredTrust other = stored;
  other.deltas[1].replace(other.deltas[1].find("[\"on\",5]"), 8, "[\"on\",9]");
  EXPECT_EQ(code(other), "root_mismatch");
  other = stored;
  std::swap(other.deltas[0], other.deltas[1]);
  EXPECT_EQ(code(other), "gap");
  other = stored;
  other.deltas.clear();
  EXPECT_EQ(code(other), "inconsistent_log");
  other = stored;
  other.chunks[0].back() ^= 1;
  EXPECT_EQ(code(other), "bad_chunk");
  Acceptance elsewhere = *Acceptance::create(engine_.rules(), "other");
  EXPECT_EQ(elsewhere.restore(stored, kNow).error().code, "unproven_tenant");
}

// A key was taken out: nothing of the old state is served, but the log does not go back.
TEST_F(JournalTest, HeadThatIsNotSignedAsAskedNowKeepsItsPlace) {
  fill();
  const auto journal = open();
  const StoredTrust stored = **journal->read();
  Acceptance acceptance = over(*journal, engine_.rules_with_validator());
  const auto state = acceptance.restore(stored, kNow);
  ASSERT_TRUE(state) << state.error().text();
  EXPECT_FALSE(*state);
  EXPECT_FALSE(acceptance.trust().proven);
  EXPECT_EQ(acceptance.size(), 3U);
  // A new head vouches for it.
  const auto head = acceptance.judge(engine_.sign(engine_.checkpoint(), kNow, true), kNow);
  ASSERT_TRUE(head);
  ASSERT_TRUE(head->vouches);
  EXPECT_FALSE(head->is_new);
  const AcceptedState vouched = acceptance.vouch(*head);
  EXPECT_TRUE(vouched.trust.proven);
  EXPECT_TRUE(vouched.trust.fresh_at(kNow, 0));
  EXPECT_EQ(on_weight(vouched.flags, "checkout"), 30);

  Acceptance later = over(*journal, [&] {
    TrustRules rules = engine_.rules();
    rules.min_checkpoint = 4;
    return rules;
  }());
  const auto low = later.restore(stored, kNow);
  ASSERT_TRUE(low);
  EXPECT_FALSE(*low);
}

TEST_F(JournalTest, OtherOriginIsRefused) {
  fill();
  const auto journal = open();
  TrustRules rules = engine_.rules();
  rules.origin = "elsewhere.example/flags";
  Acceptance acceptance = over(*journal, rules);
  EXPECT_EQ(acceptance.restore(**journal->read(), kNow).error().code, "bad_origin");
}

TEST_F(JournalTest, NewBaseWhenTheStepsOutgrowIt) {
  const auto journal = open();
  Acceptance acceptance = over(*journal);
  ASSERT_EQ(accept_all(acceptance, first_), "");
  // One flag of 200 KB that changes again and again.
  uint64_t largest = 0;
  for (int i = 0; i < 60; ++i) {
    std::string flag = flag_json("big", i % 100);
    flag.insert(flag.find("\"state\""),
                R"("metadata":{"text":")" + std::string(200'000, 'x') + "\"},");
    const Publication next = engine_.publish({{"default", "big", flag}});
    ASSERT_EQ(follow(acceptance, next), "");
    largest = std::max<uint64_t>(largest, std::filesystem::file_size(folder_ + "/journal"));
  }
  EXPECT_LT(largest, 2 * Journal::kStepBytes);
  const auto stored = **journal->read();
  EXPECT_LT(stored.deltas.size(), 59U);
  Acceptance again = over(*journal);
  const auto state = again.restore(stored, kNow);
  ASSERT_TRUE(state && *state) << state.error().text();
  EXPECT_EQ((*state)->trust.tenant_root, acceptance.trust().tenant_root);
  EXPECT_NE((*state)->trust.metadata, nullptr);
}

TEST_F(JournalTest, FolderIsOneProcessS) {
  const auto journal = open();
  EXPECT_EQ(Journal::open(folder_).error().code, "locked");
  const auto successor = Journal::open(folder_, true);
  ASSERT_TRUE(successor);
  EXPECT_FALSE((*successor)->held());
  EXPECT_EQ((*successor)->hold().error().code, "locked");
  journal->release();
  EXPECT_TRUE((*successor)->hold());
  EXPECT_TRUE((*successor)->held());
}

TEST_F(JournalTest, UnwritableFolderRefusesTheStepUntilItIsMended) {
  // A folder in the file's way: permissions would not stop root.
  std::filesystem::create_directories(folder_ + "/journal.new");
  const auto journal = open();
  Acceptance acceptance = over(*journal);
  EXPECT_EQ(accept_all(acceptance, first_), "unwritable_state_dir");
  EXPECT_EQ(acceptance.size(), 0U);
  std::filesystem::remove(folder_ + "/journal.new");
  EXPECT_EQ(accept_all(acceptance, first_), "");
  EXPECT_TRUE(journal->read()->has_value());
}

TEST_F(JournalTest, ForgetMovesItAway) {
  fill();
  const auto journal = open();
  ASSERT_TRUE(journal->forget());
  EXPECT_FALSE(journal->read()->has_value());
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/journal.forgotten"));
}

}  // namespace
}  // namespace flagmesh::snapshot
