// The numbers that DESIGN.md holds for merkle/, beside the raw SHA-256 speed of the same run.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "merkle/compact_range.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/sorted_tree.h"
#include "merkle/state_tree.h"
#include "merkle/tree.h"

namespace flagmesh::merkle {
namespace {

constexpr size_t kLeafBytes = 200;

const std::string& million_leaves() {
  static const std::string kData(1'000'000 * kLeafBytes, 'x');
  return kData;
}

std::vector<Hash> leaf_hashes(size_t count) {
  std::vector<Hash> leaves;
  leaves.reserve(count);
  for (size_t i = 0; i < count; i++) leaves.push_back(leaf_hash(std::to_string(i)));
  return leaves;
}

// The bytes that a tree of n leaves hashes: n leaves with their prefix, n-1 nodes; in one go.
void raw_sha256(benchmark::State& state) {
  const std::string bytes(1'000'000 * (kLeafBytes + 1) + 999'999 * 65, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(sha256(bytes));
}
BENCHMARK(raw_sha256)->Unit(benchmark::kMillisecond);

void build_million_leaves(benchmark::State& state) {
  const std::string_view data = million_leaves();
  for (auto _ : state) {
    std::vector<Hash> leaves(1'000'000);
    for (size_t i = 0; i < leaves.size(); i++)
      leaves[i] = leaf_hash(data.substr(i * kLeafBytes, kLeafBytes));
    benchmark::DoNotOptimize(Tree(std::move(leaves)).root());
  }
}
BENCHMARK(build_million_leaves)->Unit(benchmark::kMillisecond);

void verify_inclusion_of_million(benchmark::State& state) {
  const Tree tree(leaf_hashes(1'000'000));
  const Proof proof = tree.inclusion(654'321);
  const Hash root = tree.root();
  for (auto _ : state)
    benchmark::DoNotOptimize(verify_inclusion(tree.leaf(654'321), 654'321, 1'000'000, proof, root));
}
BENCHMARK(verify_inclusion_of_million)->Unit(benchmark::kMicrosecond);

SortedTree hundred_thousand() {
  std::vector<SortedTree::Entry> entries;
  for (size_t i = 0; i < 100'000; i++) {
    const std::string key = "flag-" + std::to_string(i);
    entries.push_back({key, leaf_hash(key)});
  }
  return SortedTree::build(std::move(entries)).value();
}

void change_one_of_100k(benchmark::State& state) {
  SortedTree tree = hundred_thousand();
  const std::string data(kLeafBytes, 'x');
  uint64_t count = 0;
  for (auto _ : state) {
    tree.put("flag-54321", leaf_hash(std::to_string(count++), data));
    benchmark::DoNotOptimize(tree.root());
  }
}
BENCHMARK(change_one_of_100k)->Unit(benchmark::kMicrosecond);

// The worst place: everything is behind it.
void insert_and_delete_first_of_100k(benchmark::State& state) {
  SortedTree tree = hundred_thousand();
  for (auto _ : state) {
    tree.put("a", leaf_hash("a"));
    benchmark::DoNotOptimize(tree.root());
    tree.erase("a");
    benchmark::DoNotOptimize(tree.root());
  }
}
BENCHMARK(insert_and_delete_first_of_100k)->Unit(benchmark::kMillisecond);

void make_leaf_with_secret(benchmark::State& state) {
  const TenantSecret secret = TenantSecret::derive("master", "default");
  const std::string json(kLeafBytes, 'x');
  for (auto _ : state)
    benchmark::DoNotOptimize(make_leaf_hash(secret, LeafKind::kFlag, "default", "checkout", json));
}
BENCHMARK(make_leaf_with_secret)->Unit(benchmark::kMicrosecond);

void append_to_compact_range(benchmark::State& state) {
  CompactRange range;
  const Hash leaf = leaf_hash("leaf");
  for (auto _ : state) {
    range.append(leaf);
    benchmark::DoNotOptimize(range.root());
  }
}
BENCHMARK(append_to_compact_range)->Unit(benchmark::kMicrosecond);

void sign_checkpoint(benchmark::State& state) {
  const SigningKey key = SigningKey::generate("k", SignatureType::kEd25519).value();
  for (auto _ : state) benchmark::DoNotOptimize(sign_text("origin\n1\nroot\n", key, 0));
}
BENCHMARK(sign_checkpoint)->Unit(benchmark::kMicrosecond);

void verify_checkpoint(benchmark::State& state) {
  const SigningKey key = SigningKey::generate("k", SignatureType::kEd25519).value();
  const std::vector<VerifierKey> known = {key.verifier()};
  Note note{"origin\n1\nroot\n", {}};
  put_signature(note, sign_text(note.text, key, 0).value());
  for (auto _ : state) benchmark::DoNotOptimize(verify_note(note, known));
}
BENCHMARK(verify_checkpoint)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace flagmesh::merkle

BENCHMARK_MAIN();
