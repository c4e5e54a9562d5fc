#include "lockfile/flag_index.h"

#include <gtest/gtest.h>

#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

TEST(FlagIndex, KnowsTheFileOfEachFlag) {
  FlagSetInput set = sample_set();
  set.flags.push_back({"from-api", sample_json("from-api", 1), ""});
  const Lock lock = make_lock(set, std::nullopt, 0).value();
  const FlagIndex index = index_flags(lock);
  EXPECT_EQ(index.size(), 4u);
  EXPECT_EQ(index.at("banner").file, "flags/ads.yaml");
  EXPECT_EQ(index.at("search").leaf, lock.files[1].flags[1].leaf);
  EXPECT_EQ(index.at("from-api").file, "");
  EXPECT_EQ(flag_in_file("banner", index.at("banner").file), "banner in flags/ads.yaml");
  EXPECT_EQ(flag_in_file("from-api", ""), "from-api");
}

}  // namespace
}  // namespace flagmesh::lockfile
