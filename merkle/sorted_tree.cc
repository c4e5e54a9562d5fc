#include "merkle/sorted_tree.h"

#include <algorithm>
#include <utility>

namespace flagmesh::merkle {

namespace {

bool key_less(const SortedTree::Change& a, const SortedTree::Change& b) {
  return a.key < b.key;
}

// Sorted by key, the last of several changes of one key kept.
void normalize(std::vector<SortedTree::Change>& changes) {
  std::stable_sort(changes.begin(), changes.end(), key_less);
  size_t kept = 0;
  for (size_t i = 0; i < changes.size(); i++) {
    bool superseded = i + 1 < changes.size() && changes[i + 1].key == changes[i].key;
    if (superseded) continue;
    if (kept != i) changes[kept] = std::move(changes[i]);
    kept++;
  }
  changes.resize(kept);
}

}  // namespace

Result<SortedTree> SortedTree::build(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  SortedTree tree;
  tree.keys_.reserve(entries.size());
  std::vector<Hash> leaves;
  leaves.reserve(entries.size());
  for (Entry& entry : entries) {
    if (!tree.keys_.empty() && tree.keys_.back() == entry.key)
      return fail("duplicate_key", "two leaves with the key '" + entry.key + "'");
    tree.keys_.push_back(std::move(entry.key));
    leaves.push_back(entry.leaf);
  }
  tree.tree_.assign(std::move(leaves));
  return tree;
}

std::optional<uint64_t> SortedTree::find(std::string_view key) const {
  auto at = std::lower_bound(keys_.begin(), keys_.end(), key);
  if (at == keys_.end() || *at != key) return std::nullopt;
  return static_cast<uint64_t>(at - keys_.begin());
}

bool SortedTree::put(std::string_view key, const Hash& leaf) {
  auto at = std::lower_bound(keys_.begin(), keys_.end(), key);
  uint64_t index = static_cast<uint64_t>(at - keys_.begin());
  if (at != keys_.end() && *at == key) {
    tree_.set(index, leaf);
    return false;
  }
  keys_.emplace(at, key);
  tree_.insert(index, leaf);
  return true;
}

bool SortedTree::erase(std::string_view key) {
  std::optional<uint64_t> index = find(key);
  if (!index) return false;
  keys_.erase(keys_.begin() + static_cast<ptrdiff_t>(*index));
  tree_.erase(*index);
  return true;
}

void SortedTree::apply(std::vector<Change> changes) {
  normalize(changes);
  bool only_values = std::all_of(changes.begin(), changes.end(), [this](const Change& change) {
    return find(change.key).has_value() == change.leaf.has_value();
  });
  // A path costs about log2(n) hashes, the whole tree n: below n/16 changes the paths are cheaper
  // for every size that matters.
  if (only_values && changes.size() <= size() / 16) {
    for (const Change& change : changes) {
      if (change.leaf) tree_.set(*find(change.key), *change.leaf);
    }
    return;
  }
  merge(std::move(changes));
}

void SortedTree::merge(std::vector<Change> changes) {
  std::vector<std::string> keys;
  std::vector<Hash> leaves;
  keys.reserve(keys_.size() + changes.size());
  leaves.reserve(keys_.size() + changes.size());
  auto take = [&](std::string& key, const Hash& leaf) {
    keys.push_back(std::move(key));
    leaves.push_back(leaf);
  };
  size_t old = 0;
  for (Change& change : changes) {
    for (; old < keys_.size() && keys_[old] < change.key; old++) take(keys_[old], tree_.leaf(old));
    if (old < keys_.size() && keys_[old] == change.key) old++;
    if (change.leaf) take(change.key, *change.leaf);
  }
  for (; old < keys_.size(); old++) take(keys_[old], tree_.leaf(old));
  keys_ = std::move(keys);
  tree_.assign(std::move(leaves));
}

}  // namespace flagmesh::merkle
