// The same flags give the same tenant root: in every file order, through engine and locker alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "control/engine/flag_files.h"
#include "control/engine/lock_gate.h"
#include "lockfile/flag_files.h"
#include "lockfile/make_lock.h"

namespace flagmesh::engine {
namespace {

class SameRoot : public testing::TestWithParam<uint32_t> {
 protected:
  SameRoot() : random_(GetParam()) {
    char name[] = "/tmp/flagmesh-root-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~SameRoot() override { std::filesystem::remove_all(folder_); }

  uint32_t below(uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_); }

  // The same meaning, written in one of several ways.
  std::string flag(const std::string& key, uint32_t kind, uint32_t on) {
    std::string rollout = below(2) == 0
                              ? "{ \"on\": " + std::to_string(on) + ", \"off\": " + std::to_string(100 - on) + " }"
                              : "{ \"off\": " + std::to_string(100 - on) + ", \"on\": " + std::to_string(on) + " }";
    const bool order = below(2) == 0;
    const std::string variants = order ? "{ \"on\": true, \"off\": false }" : "{ \"off\": false, \"on\": true }";
    const std::string state = below(2) == 0 ? "state: ENABLED" : "enabled: true";
    std::string text = "  " + key + ":\n    " + state + "\n    variants: " + variants +
                       "\n    defaultVariant: \"off\"\n";
    if (kind == 0) text += "    rollout: " + rollout + "\n";
    if (kind == 1) {
      text += "    targeting: { if: [ { \"==\": [ { var: country }, \"d\\u0065\" ] }, \"on\", \"off\" ] }\n";
    }
    if (kind == 2) text += "    metadata: { b: 2, a: \"x\" }\n";
    return text;
  }

  std::mt19937 random_;
  std::string folder_;
};

TEST_P(SameRoot, WhateverTheOrderOfFilesAndMembers) {
  struct Flag {
    std::string key;
    uint32_t kind;
    uint32_t on;
  };
  std::vector<Flag> flags;
  const uint32_t count = 1 + below(40);
  for (uint32_t i = 0; i < count; ++i) {
    flags.push_back({"flag-" + std::to_string(below(1'000'000)) + "-" + std::to_string(i), below(4), below(101)});
  }
  const auto secret = GetParam() % 2 == 0
                          ? merkle::TenantSecret()
                          : merkle::TenantSecret::derive("a master of thirty-two letters..", "shop");
  std::optional<merkle::Hash> root;
  for (int round = 0; round < 4; ++round) {
    std::ranges::shuffle(flags, random_);
    const uint32_t files = 1 + below(5);
    std::vector<std::string> texts(files, "flags:\n");
    std::vector<bool> used(files, false);
    for (const Flag& one : flags) {
      const uint32_t at = below(files);
      texts[at] += flag(one.key, one.kind, one.on);
      used[at] = true;
    }
    std::vector<std::string> paths;
    std::vector<lockfile::FileText> inputs;
    for (uint32_t i = 0; i < files; ++i) {
      if (!used[i]) continue;
      const std::string path = folder_ + "/" + std::to_string(round) + "-" + std::to_string(i) + ".yaml";
      std::ofstream(path) << texts[i];
      paths.push_back(path);
      inputs.push_back({path, texts[i]});
    }
    std::ranges::shuffle(paths, random_);
    std::ranges::shuffle(inputs, random_);
    const FlagFiles read = read_flag_files(paths, "shop");
    ASSERT_FALSE(has_errors(read.diagnostics)) << read.diagnostics.front().text();
    FlagStore store("shop");
    store.load(read.set);
    const merkle::Hash by_engine = tenant_root(store, secret);
    const auto loaded = lockfile::load_flag_files(inputs, "shop", secret);
    ASSERT_FALSE(has_errors(loaded.diagnostics));
    const auto lock = lockfile::make_lock(loaded.input, std::nullopt, 0);
    ASSERT_TRUE(lock) << lock.error().text();
    EXPECT_EQ(lock->tenant_root, by_engine);
    if (root) {
      EXPECT_EQ(by_engine, *root);
    }
    root = by_engine;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SameRoot, testing::Range(0u, 60u));

}  // namespace
}  // namespace flagmesh::engine
