#include "merkle/log_tiles.h"

#include <gtest/gtest.h>

#include "merkle/tree.h"

namespace flagmesh::merkle {
namespace {

EpochLog log_of(uint64_t size) {
  EpochLog log;
  for (uint64_t epoch = 1; epoch <= size; ++epoch) {
    EpochRecord record;
    record.epoch = epoch;
    EXPECT_TRUE(log.append(record));
  }
  return log;
}

TEST(TileName, IsWrittenInOneWay) {
  for (const char* path : {"tile/0/000", "tile/0/255.p/1", "tile/1/x001/x234/067", "tile/63/000",
                           "tile/entries/000.p/255", "tile/entries/x001/000"}) {
    const auto name = TileName::parse(path);
    ASSERT_TRUE(name) << path;
    EXPECT_EQ(name->path(), path);
  }
  EXPECT_EQ(TileName::parse("tile/0/x001/x234/067")->index, 1234067u);
  for (const char* path :
       {"", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/1", "tile/0/0000", "tile/00/000",
        "tile/64/000", "tile/-1/000", "tile/0/x000/000", "tile/0/001/000", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000/", "tile/x/000",
        "tile/entries/", "tile/0/x001x/000", "/tile/0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_FALSE(TileName::parse(path)) << path;
  }
}

// What a reader does: rebuilds the root from tiles alone.
TEST(ReadTile, LeadsToTheRoot) {
  const EpochLog log = log_of(600);
  std::vector<Hash> leaves;
  for (const char* path : {"tile/0/000", "tile/0/001", "tile/0/002.p/88"}) {
    const auto bytes = read_tile(log, *TileName::parse(path));
    ASSERT_TRUE(bytes) << path;
    for (size_t at = 0; at < bytes->size(); at += Hash::kSize) {
      leaves.push_back(*Hash::from_bytes(std::string_view(*bytes).substr(at, Hash::kSize)));
    }
  }
  ASSERT_EQ(leaves.size(), 600u);
  EXPECT_EQ(root_of(leaves), log.root());
  const auto above = read_tile(log, *TileName::parse("tile/1/000.p/2"));
  ASSERT_TRUE(above);
  EXPECT_EQ(*Hash::from_bytes(above->substr(0, 32)), root_of(std::span(leaves).first(256)));
  for (const char* path : {"tile/0/002", "tile/0/002.p/89", "tile/0/003.p/1", "tile/1/000",
                           "tile/1/000.p/3", "tile/2/000.p/1", "tile/9/000.p/1",
                           "tile/entries/002"}) {
    EXPECT_FALSE(read_tile(log, *TileName::parse(path))) << path;
  }
}

TEST(ReadTile, EntriesHashToTheLeaves) {
  const EpochLog log = log_of(3);
  const auto bytes = read_tile(log, *TileName::parse("tile/entries/000.p/3"));
  ASSERT_TRUE(bytes);
  ASSERT_EQ(bytes->size(), 3 * (2 + kEpochRecordBytes));
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    const std::string_view entry =
        std::string_view(*bytes).substr((epoch - 1) * (2 + kEpochRecordBytes));
    EXPECT_EQ(entry.substr(0, 2), std::string_view("\x00\x69", 2));
    EXPECT_EQ(leaf_hash(entry.substr(2, kEpochRecordBytes)), log.leaf(epoch));
  }
}

}  // namespace
}  // namespace flagmesh::merkle
