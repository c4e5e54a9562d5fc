#include "control/snapshot/flag_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

namespace flagmesh::snapshot {
namespace {

using Entry = std::shared_ptr<const FlagEntry>;
using Id = std::pair<std::string, std::string>;
using Reference = std::map<Id, Entry>;

Entry entry(const std::string& tenant, const std::string& key) {
  flags::FlagDefinition definition;
  definition.tenant = tenant;
  definition.key = key;
  definition.variants = {{"on", true}};
  definition.default_variant = "on";
  auto flag = flags::CompiledFlag::compile(definition);
  EXPECT_TRUE(flag);
  return std::make_shared<const FlagEntry>(
      FlagEntry{.flag = *flag, .canonical_json = {}, .leaf = {}});
}

std::vector<const FlagEntry*> list(const FlagTable& table) {
  std::vector<const FlagEntry*> all;
  table.for_each([&](const FlagEntry& e) { return all.push_back(&e), true; });
  return all;
}

std::vector<const FlagEntry*> list(const Reference& reference) {
  std::vector<const FlagEntry*> all;
  for (const auto& [id, e] : reference) all.push_back(e.get());
  return all;
}

TEST(FlagTable, Empty) {
  const FlagTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.find("default", "a"), nullptr);
  EXPECT_TRUE(table.without("default", "a").empty());
  EXPECT_TRUE(list(table).empty());
  EXPECT_TRUE(FlagTable::from_entries({}).empty());
  FlagTable::for_each_difference(table, table, [](auto*, auto*) { FAIL(); });
}

TEST(FlagTable, FromEntriesSortsAndKeepsTheLast) {
  const Entry first = entry("t", "b"), last = entry("t", "b");
  const Entry a = entry("t", "a"), other = entry("s", "z");
  const FlagTable table = FlagTable::from_entries({first, a, last, other});
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(list(table), (std::vector<const FlagEntry*>{other.get(), a.get(), last.get()}));
  EXPECT_EQ(table.find("t", "b"), last.get());
  EXPECT_EQ(table.find("s", "b"), nullptr);
}

TEST(FlagTable, ForEachStopsAndForEachOfStaysInTheTenant) {
  std::vector<Entry> entries;
  for (const char* tenant : {"a", "b", "ba", "c"}) {
    for (const char* key : {"1", "2", "3"}) entries.push_back(entry(tenant, key));
  }
  const FlagTable table = FlagTable::from_entries(entries);
  std::string seen;
  table.for_each_of("b", [&](const FlagEntry& e) { return seen += e.key(), true; });
  EXPECT_EQ(seen, "123");
  seen.clear();
  table.for_each_of("b", [&](const FlagEntry& e) { return seen += e.key(), e.key() != "2"; });
  EXPECT_EQ(seen, "12");
  table.for_each_of("bb", [](const FlagEntry&) { return ADD_FAILURE(), true; });
  int count = 0;
  table.for_each([&](const FlagEntry&) { return ++count < 5; });
  EXPECT_EQ(count, 5);
}

TEST(FlagTable, AVersionNeverChanges) {
  const Entry a = entry("t", "a"), b = entry("t", "b"), newer = entry("t", "a");
  const FlagTable one = FlagTable().with(a);
  const FlagTable two = one.with(b);
  const FlagTable three = two.with(newer);
  const FlagTable four = three.without("t", "b");
  EXPECT_EQ(list(one), (std::vector<const FlagEntry*>{a.get()}));
  EXPECT_EQ(list(two), (std::vector<const FlagEntry*>{a.get(), b.get()}));
  EXPECT_EQ(list(three), (std::vector<const FlagEntry*>{newer.get(), b.get()}));
  EXPECT_EQ(list(four), (std::vector<const FlagEntry*>{newer.get()}));
  EXPECT_EQ(three.size(), 2u);
  EXPECT_EQ(four.size(), 1u);
}

std::vector<std::pair<const FlagEntry*, const FlagEntry*>> naive_difference(
    const Reference& before, const Reference& after) {
  std::map<Id, std::pair<const FlagEntry*, const FlagEntry*>> pairs;
  for (const auto& [id, e] : before) pairs[id].first = e.get();
  for (const auto& [id, e] : after) pairs[id].second = e.get();
  std::vector<std::pair<const FlagEntry*, const FlagEntry*>> changed;
  for (const auto& [id, pair] : pairs) {
    if (pair.first != pair.second) changed.push_back(pair);
  }
  return changed;
}

// Random versions derived from random earlier ones, against std::map: content, order, lookups and
// differences. Every earlier version is still what it was at the end.
TEST(FlagTable, AgreesWithAMapAndKeepsEveryVersion) {
  std::mt19937 random(7);
  std::vector<Entry> pool;
  for (int i = 0; i < 120; i++) {
    pool.push_back(entry(i % 3 == 0 ? "one" : "two", "flag" + std::to_string(random() % 80)));
  }
  std::vector<FlagTable> tables(1);
  std::vector<Reference> references(1);
  for (int step = 0; step < 2000; step++) {
    const size_t from = random() % 4 == 0 ? random() % tables.size() : tables.size() - 1;
    const Entry& e = pool[random() % pool.size()];
    const Id id{e->tenant(), e->key()};
    FlagTable table = tables[from];
    Reference reference = references[from];
    if (random() % 5 < 3) {
      table = table.with(e);
      reference[id] = e;
    } else {
      table = table.without(id.first, id.second);
      reference.erase(id);
    }
    const size_t other = random() % tables.size();
    std::vector<std::pair<const FlagEntry*, const FlagEntry*>> changed;
    FlagTable::for_each_difference(tables[other], table, [&](auto* before, auto* after) {
      changed.emplace_back(before, after);
    });
    ASSERT_EQ(changed, naive_difference(references[other], reference));
    tables.push_back(std::move(table));
    references.push_back(std::move(reference));
  }
  for (size_t i = 0; i < tables.size(); i++) {
    ASSERT_EQ(list(tables[i]), list(references[i])) << i;
    ASSERT_EQ(tables[i].size(), references[i].size());
    for (const Entry& e : pool) {
      const auto found = references[i].find({std::string(e->tenant()), std::string(e->key())});
      ASSERT_EQ(tables[i].find(e->tenant(), e->key()),
                found == references[i].end() ? nullptr : found->second.get());
    }
  }
}

// Sorted input is the worst one for a tree that does not balance: recursion would be 20,000 deep.
TEST(FlagTable, OneByOneInOrder) {
  FlagTable table;
  std::vector<Entry> all;
  for (int i = 0; i < 20'000; i++) {
    all.push_back(entry("t", "flag" + std::to_string(100'000 + i)));
    table = table.with(all.back());
  }
  EXPECT_EQ(table.size(), 20'000u);
  EXPECT_EQ(table.find("t", "flag100000"), all.front().get());
  for (int i = 0; i < 20'000; i += 2)
    table = table.without("t", all[static_cast<size_t>(i)]->key());
  EXPECT_EQ(table.size(), 10'000u);
  EXPECT_EQ(list(table).front(), all[1].get());
}

// For tsan: readers hold versions while the builder derives, and drop them in any order.
TEST(FlagTable, ReadWhileTheNextVersionIsDerived) {
  std::vector<Entry> entries;
  for (int i = 0; i < 500; i++) entries.push_back(entry("t", std::to_string(i)));
  const FlagTable base = FlagTable::from_entries(entries);
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; r++) {
    readers.emplace_back([base] {
      for (int i = 0; i < 20'000; i++) {
        EXPECT_NE(base.find("t", std::to_string(i % 500)), nullptr);
      }
    });
  }
  FlagTable table = base;
  for (int i = 0; i < 2'000; i++) table = table.with(entries[static_cast<size_t>(i) % 500]);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(table.size(), 500u);
}

}  // namespace
}  // namespace flagmesh::snapshot
