// Power cuts under a router's journal: trust that was persisted is there, verified again, and never
// goes back.
#include "control/snapshot/journal.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"
#include "tests/durability/every_sync.h"

namespace flagmesh::snapshot {
namespace {

// A router's acceptance over a journal in `folder`.
struct Router {
  Router(const std::string& folder, const TrustRules& rules) : journal(*Journal::open(folder)) {
    acceptance = *Acceptance::create(
        rules, "default", [this](std::string_view head, const StateReplica::Proposal& proposal) {
          return journal->keep(head, proposal);
        });
  }
  // False: what is there is not usable.
  bool boot() {
    const auto stored = journal->read();
    if (!stored) return false;
    if (!*stored) return true;
    const auto state = acceptance->restore(**stored, kNow);
    return state && *state && journal->resume(**stored);
  }
  bool accept(const Publication& publication, bool whole) {
    const auto head = acceptance->judge(publication.head, kNow);
    if (!head) return false;
    if (!whole)
      return acceptance->accept_deltas(*head, {{publication.tenants[0].delta}}).has_value();
    const StoredState state = stored(publication);
    return acceptance->accept_full(*head, state.manifest, state.chunks, {}).has_value();
  }

  std::unique_ptr<Journal> journal;
  std::optional<Acceptance> acceptance;
};

TEST(JournalCut, EpochsAreThereOnceAccepted) {
  PublishingEngine engine;
  std::vector<Publication> published;
  published.push_back(engine.publish({{"default", "checkout", flag_json("checkout", 1)},
                                      {"default", "search", flag_json("search", 50)}}));
  for (int on = 2; on <= 6; ++on) published.push_back(engine.set("checkout", on));
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  const std::string state = folder.path() + "/router";
  size_t next = 0;
  for (const size_t until : {size_t{3}, published.size()}) {
    Router router(state, engine.rules());
    ASSERT_TRUE(router.boot());
    for (; next < until; ++next) {
      ASSERT_TRUE(router.accept(published[next], next == 0)) << next;
      disk.promise(next + 1);
    }
  }
  disk.stop();
  expect_every_sync_needed(disk, [&](const std::string& found, uint64_t promised) {
    Router router(found + "/router", engine.rules());
    if (!router.boot()) return false;
    const uint64_t size = router.acceptance->size();
    if (size < promised || size > published.size()) return false;
    if (size > 0 &&
        on_weight(router.acceptance->replica().flags(), "checkout") != static_cast<int>(size)) {
      return false;
    }
    // It goes on from there, and what it adds is there, too.
    if (size == published.size()) return true;
    if (size > 0 && !router.accept(published[size], false)) return false;
    const auto again = router.journal->read();
    return again && (size == 0 || ((*again)->head == published[size].head));
  });
}

TEST(JournalCut, NewestTimestampIsNeverForgotten) {
  PublishingEngine engine;
  const Publication first = engine.set("checkout", 1);
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  const std::string state = folder.path() + "/router";
  {
    Router router(state, engine.rules());
    ASSERT_TRUE(router.accept(first, true));
    disk.promise(1);
    for (uint64_t second = 1; second <= 3; ++second) {
      const int64_t now = kNow + static_cast<int64_t>(second) * 1'000;
      ASSERT_TRUE(router.acceptance->judge(engine.sign(engine.checkpoint(), now), now));
      ASSERT_TRUE(router.journal->keep_newest(router.acceptance->newest_head()));
      disk.promise(1 + second);
    }
  }
  disk.stop();
  const auto check = [&](const std::string& found, uint64_t promised) {
    Router router(found + "/router", engine.rules());
    if (!router.boot()) return false;
    if (promised == 0) return true;
    return router.acceptance->size() == 1 && router.acceptance->newest_verified_ms() >=
                                                 kNow + static_cast<int64_t>(promised - 1) * 1'000;
  };
  expect_every_sync_needed(disk, check);
}

}  // namespace
}  // namespace flagmesh::snapshot
