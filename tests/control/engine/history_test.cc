#include "control/engine/history.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace flagmesh::engine {
namespace {

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    char name[] = "/tmp/flagmesh-history-XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/history";
  }
  ~HistoryTest() override { std::filesystem::remove_all(folder_); }

  static HistoryEntry entry(uint64_t epoch) {
    HistoryEntry entry{epoch, 1'700'000'000'000, merkle::sha256("opening"), {}, {}};
    entry.changes.push_back({"check\"out", R"({"a":1})", "none", "api", "definition"});
    entry.changes.push_back({"gone", std::nullopt, {}, "api", "reset"});
    entry.nonces.push_back({"0123456789abcdef", 1'700'000'100});
    return entry;
  }
  void write_two() {
    auto history = History::open(path_);
    ASSERT_TRUE(history) << history.error().text();
    ASSERT_TRUE(history->append(entry(1)));
    ASSERT_TRUE(history->append(entry(2)));
  }

  std::string folder_;
  std::string path_;
};

TEST_F(HistoryTest, GivesBackWhatWasAppended) {
  write_two();
  auto again = History::open(path_);
  ASSERT_TRUE(again);
  const auto entries = again->take_entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1].epoch, 2u);
  EXPECT_EQ(entries[1].changes[0].key, "check\"out");
  EXPECT_EQ(entries[1].changes[0].json, R"({"a":1})");
  EXPECT_EQ(entries[1].changes[0].over, "none");
  EXPECT_FALSE(entries[1].changes[1].json);
  EXPECT_EQ(entries[1].nonces[0].expires, 1'700'000'100);
  EXPECT_EQ(entries[1].commitment(), entry(2).commitment());
  EXPECT_EQ(entries[1].author(), "api");
}

TEST_F(HistoryTest, CutsATornLineAtEveryLength) {
  write_two();
  const auto size = std::filesystem::file_size(path_);
  const size_t first_line = 19;
  std::string bytes(size, 0);
  std::ifstream(path_).read(bytes.data(), std::streamsize(size));
  const size_t second = bytes.find('\n', first_line + 1) + 1;
  for (size_t cut = 0; cut < size; cut += 7) {
    std::ofstream(path_, std::ios::trunc) << bytes.substr(0, cut);
    auto history = History::open(path_);
    ASSERT_TRUE(history) << cut << ": " << history.error().text();
    EXPECT_EQ(history->take_entries().size(), cut < second ? 0u : 1u) << cut;
    ASSERT_TRUE(history->append(entry(9)));
    auto again = History::open(path_);
    ASSERT_TRUE(again) << cut;
    EXPECT_EQ(again->take_entries().back().epoch, 9u);
  }
}

TEST_F(HistoryTest, RefusesDamage) {
  write_two();
  std::fstream file(path_);
  file.seekp(60);
  file.put('#');
  file.close();
  EXPECT_EQ(History::open(path_).error().code, "corrupt_history");
  std::ofstream(path_, std::ios::trunc) << "something else\n";
  EXPECT_EQ(History::open(path_).error().code, "corrupt_history");
}

TEST_F(HistoryTest, AuthorsAreOpaqueAndSeveralAreSaid) {
  HistoryEntry one = entry(1);
  HistoryEntry other = entry(1);
  other.opening = merkle::sha256("other");
  EXPECT_NE(one.author_id().hex(), other.author_id().hex());
  one.changes[1].author = "command ops";
  EXPECT_EQ(one.author(), "several");
}

}  // namespace
}  // namespace flagmesh::engine
