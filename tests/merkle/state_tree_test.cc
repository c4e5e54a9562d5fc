#include "merkle/state_tree.h"

#include <gtest/gtest.h>

#include "merkle/encoding.h"
#include "merkle/sorted_tree.h"

namespace flagmesh::merkle {
namespace {

// The vectors of docs/formats.md, "State tree"; computed by a program that shares no code with this
// one.
constexpr std::string_view kFlagA =
    R"({"bucketing":"flagd-v2","key":"a","state":"ENABLED","tenant":"default","variants":{"off":false,"on":true}})";
constexpr std::string_view kFlagB =
    R"({"bucketing":"flagd-v2","key":"b","state":"DISABLED","tenant":"default","variants":{"v":1}})";
constexpr std::string_view kMetadata = R"({"metadata":{"owner":"shop"},"tenant":"default"})";

std::string some_master() {
  std::string master;
  for (char c = 0; c < 32; c++) master += c;
  return master;
}

struct Expected {
  const char *flag_a, *flag_b, *metadata, *tenant_root, *state_root;
};

void check(const TenantSecret& secret, const Expected& expected) {
  SortedTree flags;
  flags.put("b", make_leaf_hash(secret, LeafKind::kFlag, "default", "b", kFlagB));
  flags.put("a", make_leaf_hash(secret, LeafKind::kFlag, "default", "a", kFlagA));
  flags.put("", make_leaf_hash(secret, LeafKind::kMetadata, "default", "", kMetadata));
  EXPECT_EQ(flags.leaf(0).hex(), expected.metadata);
  EXPECT_EQ(flags.leaf(1).hex(), expected.flag_a);
  EXPECT_EQ(flags.leaf(2).hex(), expected.flag_b);
  EXPECT_EQ(flags.root().hex(), expected.tenant_root);
  TenantSummary summary{"default", 2, flags.root()};
  EXPECT_EQ(make_leaf_hash(secret, LeafKind::kTenant, "default", "", summary.json()).hex(),
            expected.state_root);
}

TEST(StateTree, VectorsWithoutSecret) {
  check(TenantSecret(), {"4390f0df0ca6055772b77aba78ce9ce417a6cfe9b04d34cf66abe35eb4f3170f",
                         "c767e66bbcb2e0f779a4de111b72b9265da5552b5edeaab40eb2b6ddda03cf9a",
                         "51f11c48cfe7fc88781faebc4709b763cef6b514c7e31298894a645f0ce0d5fe",
                         "898b3fe51d3560a3729d106ac03ff155d7bed006bfc32bbd58992418ce0c2142",
                         "f0e4d71d035d402b9a594f510b16d2b0cef607e039769a8b672c2beecbf5c459"});
}

TEST(StateTree, VectorsWithSecret) {
  TenantSecret secret = TenantSecret::derive(some_master(), "default");
  EXPECT_EQ(secret.text(),
            "flagmesh-tenant-secret:"
            "b6b879c479d8ebb9edbe7f20fa0039cec66c2b78cef6ee606b50476cce4ff3a2");
  EXPECT_EQ(secret.id(), "e0e4b47a");
  EXPECT_EQ(secret.opening(LeafKind::kFlag, "default", "a", kFlagA).hex(),
            "85d818365a94abc607d550c699845e7bd68e6458176835656e55ebcba40237ee");
  check(secret, {"413409aec6fff0fb7c291c4a7b463e7b314d7f75fcd5fda3bbd47abccece78ce",
                 "4586a4b1884894ca3009ad1a196a671fd31722f405a1bdcd0c78d2b3965a1234",
                 "3fb31732a324069aef90df098538c77abae64b1b69180fd1ba448be40beecd86",
                 "df4c2f5fe70db1b0c566395b723443cfaa6a980f24a48bf4ef06bbbdb29c3db7",
                 "0cdff814945722c2a1d58f5457b1042fd51f80184a5a489af739f2ac57781c66"});
}

TEST(StateTree, OpeningsDependOnEverything) {
  TenantSecret secret = TenantSecret::derive(some_master(), "default");
  TenantSecret other = TenantSecret::derive(some_master(), "other");
  Hash opening = secret.opening(LeafKind::kFlag, "t", "k", "{}");
  EXPECT_NE(opening, other.opening(LeafKind::kFlag, "t", "k", "{}"));
  EXPECT_NE(opening, secret.opening(LeafKind::kMetadata, "t", "k", "{}"));
  EXPECT_NE(opening, secret.opening(LeafKind::kFlag, "u", "k", "{}"));
  EXPECT_NE(opening, secret.opening(LeafKind::kFlag, "t", "l", "{}"));
  EXPECT_NE(opening, secret.opening(LeafKind::kFlag, "t", "k", "[]"));
  EXPECT_TRUE(TenantSecret::derive("", "t").opening(LeafKind::kFlag, "t", "k", "{}").is_zero());
  EXPECT_EQ(TenantSecret().id(), "none");
}

TEST(StateTree, LeafDataCanBeReadBack) {
  TenantSecret secret = TenantSecret::derive(some_master(), "default");
  Leaf leaf = make_leaf(secret, LeafKind::kFlag, "default", "a", kFlagA);
  EXPECT_EQ(leaf.hash, leaf_hash(leaf.data));
  EXPECT_EQ(leaf.hash, make_leaf_hash(secret, LeafKind::kFlag, "default", "a", kFlagA));
  LeafParts parts = parse_leaf(leaf.data).value();
  EXPECT_EQ(parts.json, kFlagA);
  EXPECT_EQ(parts.opening, secret.opening(LeafKind::kFlag, "default", "a", kFlagA));
  EXPECT_FALSE(parse_leaf(""));
  EXPECT_FALSE(parse_leaf(leaf.data.substr(0, 33)));
  EXPECT_FALSE(parse_leaf("\x02" + leaf.data.substr(1)));
  EXPECT_FALSE(parse_leaf(leaf_data({}, std::string(kLeafJsonBytes + 1, ' '))));
}

TEST(StateTree, SecretTextIsStrict) {
  TenantSecret secret = TenantSecret::derive(some_master(), "default");
  EXPECT_EQ(TenantSecret::parse(" " + secret.text() + "\n").value().text(), secret.text());
  EXPECT_FALSE(TenantSecret::parse(""));
  EXPECT_FALSE(TenantSecret::parse(secret.text().substr(1)));
  EXPECT_FALSE(TenantSecret::parse(secret.text() + "00"));
}

TEST(TenantSummary, HasOneSpelling) {
  TenantSummary summary{"shop-1", 100000, sha256("x")};
  const std::string json = summary.json();
  EXPECT_EQ(json,
            "{\"flags\":100000,\"root\":\"" + summary.root.hex() + "\",\"tenant\":\"shop-1\"}");
  EXPECT_EQ(TenantSummary::parse(json).value(), summary);
  const std::string root = ",\"root\":\"" + summary.root.hex() + "\",\"tenant\":";
  for (const std::string& bad :
       {std::string(), std::string("{\"flags\":1"), json + " ", json.substr(0, json.size() - 1),
        "{\"flags\":01" + root + "\"a\"}", "{\"flags\":9007199254740992" + root + "\"a\"}",
        "{\"flags\": 1" + root + "\"a\"}", "{\"flags\":1" + root + "\"\"}",
        "{\"flags\":1" + root + "\"A\"}", "{\"flags\":1" + root + "\"a\",\"b\":\"c\"}",
        "{\"flags\":1" + root + "\"a\"}}",
        std::string("{\"flags\":1,\"root\":\"00\",\"tenant\":\"a\"}")})
    EXPECT_FALSE(TenantSummary::parse(bad)) << bad;
}

TEST(TenantSummary, NamesAreDnsLabels) {
  for (const char* good : {"a", "default", "shop-1", "0"}) EXPECT_TRUE(is_tenant_name(good));
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"), std::string("a.b"),
        std::string("a_b"), std::string(64, 'a')})
    EXPECT_FALSE(is_tenant_name(bad)) << bad;
}

}  // namespace
}  // namespace flagmesh::merkle
