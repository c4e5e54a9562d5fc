#include "lockfile/diff.h"

#include <gtest/gtest.h>

#include "tests/lockfile/sample.h"

namespace flagmesh::lockfile {
namespace {

using Kind = FlagChange::Kind;

// banner removed, checkout changed, find added, search as it was.
FlagSetInput changed_set() {
  FlagSetInput set = sample_set();
  set.flags[0].json = sample_json("checkout", 50);
  set.flags[2] = {"find", sample_json("find", 1), "flags/ads.yaml"};
  return set;
}

std::string text_of(const std::vector<FlagChange>& changes) {
  std::string text;
  for (const FlagChange& change : changes) text += change.text();
  return text;
}

TEST(Diff, FlagsFieldByField) {
  EXPECT_EQ(text_of(diff_flags(sample_set(), changed_set()).value()),
            "- banner (flags/ads.yaml)\n"
            "    users: 100% get another variant\n"
            "~ checkout (flags/shop.yaml)\n"
            "    targeting.fractional[0][1]: 25 -> 50\n"
            "    users: 15% get another variant\n"
            "+ find (flags/ads.yaml)\n");
  EXPECT_TRUE(diff_flags(sample_set(), sample_set()).value().empty());
}

TEST(Diff, LocksByLeafHash) {
  const Lock after = make_lock(changed_set(), std::nullopt, 0).value();
  EXPECT_EQ(text_of(diff_locks(sample_lock(), after).value()),
            "- banner (flags/ads.yaml)\n"
            "~ checkout (flags/shop.yaml)\n"
            "+ find (flags/ads.yaml)\n");
  EXPECT_TRUE(diff_locks(after, after).value().empty());
}

TEST(Diff, Metadata) {
  FlagSetInput none = sample_set(), other = sample_set();
  none.metadata_json.clear();
  other.metadata_json = R"({"metadata":{"owner":"ads"},"tenant":"default"})";
  EXPECT_EQ(text_of(diff_flags(sample_set(), none).value()), "- flag set metadata\n");
  EXPECT_EQ(text_of(diff_flags(sample_set(), other).value()),
            "~ flag set metadata\n    metadata.owner: \"shop\" -> \"ads\"\n");
}

TEST(Diff, WhatCannotBeCompared) {
  FlagSetInput set = sample_set();
  set.tenant = "other";
  EXPECT_EQ(diff_flags(sample_set(), set).error().code, "wrong_tenant");
  EXPECT_EQ(diff_locks(sample_lock(), make_lock(set, std::nullopt, 0).value()).error().code,
            "wrong_tenant");
  set = sample_set();
  set.secret = merkle::TenantSecret::derive("master", "default");
  EXPECT_EQ(diff_locks(sample_lock(), make_lock(set, std::nullopt, 0).value()).error().code,
            "wrong_secret");
  set = sample_set();
  set.flags[1].key = "checkout";
  EXPECT_EQ(diff_flags(sample_set(), set).error().code, "duplicate_key");
  set = sample_set();
  set.flags[0].json = "{";
  EXPECT_EQ(diff_flags(sample_set(), set).error().code, "bad_json");
}

TEST(Diff, Json) {
  const auto diff = [](const char* a, const char* b) { return diff_json(a, b).value(); };
  using Changes = std::vector<FieldChange>;
  EXPECT_EQ(diff(R"({"a":1,"b":[1]})", R"({"b":[1],"a":1})"), Changes{});
  EXPECT_EQ(diff(R"({"a":1})", R"({"b":null})"), (Changes{{"a", "1", ""}, {"b", "", "null"}}));
  EXPECT_EQ(diff(R"({"a":[1,2]})", R"({"a":[1]})"), (Changes{{"a", "[1,2]", "[1]"}}));
  EXPECT_EQ(diff(R"({"a":{"b":true}})", R"({"a":[]})"), (Changes{{"a", R"({"b":true})", "[]"}}));
  EXPECT_EQ(diff("[[1]]", "[[2]]"), (Changes{{"[0][0]", "1", "2"}}));
}

}  // namespace
}  // namespace flagmesh::lockfile
