#include "lockfile/flag_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "lockfile/diff.h"
#include "lockfile/verify.h"

namespace flagmesh::lockfile {
namespace {

constexpr const char* kShop = R"(
flags:
  checkout:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
    targeting: { fractional: [["on", 25], ["off", 75]] }
  search:
    enabled: true
    variants: { v1: v1, v2: v2 }
    defaultVariant: v1
    rollout: { v2: 5, v1: 95 }
metadata: { owner: shop }
)";

LoadedFlags load(const std::vector<FileText>& files) {
  return load_flag_files(files, "default", merkle::TenantSecret::derive("master", "default"));
}

TEST(FlagFiles, LockVerifyEdit) {
  LoadedFlags before = load({{"flags/shop.yaml", kShop}});
  ASSERT_FALSE(has_errors(before.diagnostics));
  Lock lock = make_lock(before.input, std::nullopt, 0).value();
  EXPECT_EQ(lock.flag_count(), 2u);
  EXPECT_TRUE(lock.metadata.has_value());
  EXPECT_TRUE(verify(lock, before.input).value().empty());

  std::string edited = kShop;
  edited.replace(edited.find("25"), 2, "26");
  LoadedFlags after = load({{"flags/shop.yaml", edited}});
  std::vector<Difference> differences = verify(lock, after.input).value();
  ASSERT_EQ(differences.size(), 1u);
  EXPECT_EQ(differences[0].message(), "flag checkout in flags/shop.yaml differs from the lock");
  std::vector<FlagChange> changes = diff_flags(before.input, after.input).value();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].text(),
            "~ checkout (flags/shop.yaml)\n    targeting.fractional[0][1]: 25 -> 26\n"
            "    users: 0.7426% get another variant\n");
}

TEST(FlagFiles, MistakesAreDiagnostics) {
  EXPECT_TRUE(has_errors(load({{"a.yaml", "flags: ["}}).diagnostics));
  EXPECT_TRUE(has_errors(load({{"a.yaml", kShop}, {"b.yaml", kShop}}).diagnostics));
}

// Random sets, spread over random files in random order, written as YAML or JSON: one root.
TEST(FlagFiles, TheSameFlagsHaveTheSameRoot) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; round++) {
    std::vector<std::string> yaml, json;
    const size_t count = 1 + random() % 12;
    for (size_t i = 0; i < count; i++) {
      const std::string key = "flag-" + std::to_string(i);
      const std::string a = std::to_string(random() % 100), b = std::to_string(1 + random() % 100);
      yaml.push_back("  " + key + ":\n    enabled: true\n    variants: { b: 2, a: 1 }\n" +
                     "    rollout: { b: " + b + ", a: " + a + " }\n    defaultVariant: a\n");
      json.push_back(
          "\"" + key + R"(":{"defaultVariant":"a","variants":{"a":1,"b":2},"targeting":)" +
          R"({"fractional":[["b",)" + b + R"(],["a",)" + a + R"(]]},"state":"ENABLED"})");
    }
    std::vector<FileText> one_json = {{"all.json", "{\"flags\":{"}};
    for (size_t i = 0; i < count; i++) one_json[0].text += (i ? "," : "") + json[i];
    one_json[0].text += "}}";
    std::vector<FileText> many_yaml;
    std::shuffle(yaml.begin(), yaml.end(), random);
    for (size_t i = 0; i < count; i++) {
      if (i == 0 || random() % 3 == 0)
        many_yaml.push_back({"f" + std::to_string(i) + ".yaml", "flags:\n"});
      many_yaml.back().text += yaml[i];
    }
    std::shuffle(many_yaml.begin(), many_yaml.end(), random);
    LoadedFlags left = load(one_json), right = load(many_yaml);
    ASSERT_FALSE(has_errors(left.diagnostics)) << left.diagnostics[0].text();
    ASSERT_FALSE(has_errors(right.diagnostics)) << right.diagnostics[0].text();
    EXPECT_EQ(make_lock(left.input, std::nullopt, 0).value().tenant_root,
              make_lock(right.input, std::nullopt, 0).value().tenant_root);
  }
}

}  // namespace
}  // namespace flagmesh::lockfile
