// Power cuts under the small files: what write_durably said is durable is.
#include "proxy/base/durable_file.h"

#include <gtest/gtest.h>

#include "tests/durability/every_sync.h"

namespace flagmesh {
namespace {

TEST(DurableFileCut, OldOrNewAndNeverLessThanPromised) {
  const TempFolder folder;
  fakes::PowerCut disk(folder.path());
  const std::string state = folder.path() + "/a/b";
  ASSERT_TRUE(make_folders(state));
  for (uint64_t version = 1; version <= 3; ++version) {
    ASSERT_TRUE(
        write_durably(state + "/file", std::string(700 * version, 'a') + std::to_string(version)));
    disk.promise(version);
  }
  disk.stop();
  expect_every_sync_needed(disk, [](const std::string& found, uint64_t promised) {
    const auto text = read_if_exists(found + "/a/b/file", 10'000);
    if (!text) return false;
    if (!*text) return promised == 0;
    const uint64_t version = static_cast<uint64_t>((*text)->back() - '0');
    return version >= promised && version <= 3 &&
           **text == std::string(700 * version, 'a') + std::to_string(version);
  });
}

}  // namespace
}  // namespace flagmesh
