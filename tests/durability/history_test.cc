// Power cuts under the engine's history.
#include "control/engine/history.h"

#include <gtest/gtest.h>

#include "proxy/base/durable_file.h"
#include "tests/durability/every_sync.h"

namespace flagmesh::engine {
namespace {

HistoryEntry entry_of(uint64_t epoch) {
  HistoryEntry entry{epoch, static_cast<int64_t>(1'000 + epoch), merkle::sha256("o"), {}, {}};
  entry.changes.push_back({"checkout", "{}", "none", "api", "rollout on=" + std::to_string(epoch)});
  entry.nonces.push_back({"nonce-" + std::to_string(epoch), 5});
  return entry;
}

TEST(HistoryCut, HasEveryLineThatWasAppended) {
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  ASSERT_TRUE(make_folders(folder.path() + "/engine"));
  for (uint64_t run = 0; run < 2; ++run) {
    Result<History> history = History::open(folder.path() + "/engine/history");
    ASSERT_TRUE(history) << history.error().text();
    for (uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(history->append(entry_of(run * 3 + i)));
      disk.promise(run * 3 + i);
    }
  }
  disk.stop();
  expect_every_sync_needed(disk, [](const std::string& found, uint64_t promised) {
    if (!std::filesystem::exists(found + "/engine")) return promised == 0;
    Result<History> history = History::open(found + "/engine/history");
    if (!history) return false;
    const auto entries = history->take_entries();
    if (entries.size() < promised) return false;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].commitment() != entry_of(i + 1).commitment()) return false;
    }
    return history->append(entry_of(entries.size() + 1)).has_value();
  });
}

}  // namespace
}  // namespace flagmesh::engine
