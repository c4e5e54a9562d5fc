// What the tests of this folder have in common.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/fakes/power_cut.h"

namespace flagmesh {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "durability_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Whatever the moment of the cut, the check holds; and it does not when any one sync is left out.
inline void expect_every_sync_needed(const fakes::PowerCut& disk,
                                     const fakes::PowerCut::Check& check) {
  ASSERT_GT(disk.syncs(), 0U);
  ASSERT_TRUE(disk.survives(check, std::nullopt));
  for (size_t sync = 0; sync < disk.syncs(); ++sync) {
    EXPECT_FALSE(disk.survives(check, sync))
        << "sync " << sync << " of " << disk.syncs() << " is not needed";
  }
}

}  // namespace flagmesh
