// A Merkle tree whose leaves are in the order of the bytes of their keys, each key once: what a
// tenant's flags and the state's tenants are kept in. A plain value, owned and used by one thread
// at a time; const methods may run on several.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/hash.h"
#include "merkle/tree.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

// Leaves in the order of their keys' bytes, each key once. What a tenant's flags and the state's
// tenants are kept in.
class SortedTree {
 public:
  struct Entry {
    std::string key;
    Hash leaf;
  };
  // A new or changed leaf, or with nullopt a removed one.
  struct Change {
    std::string key;
    std::optional<Hash> leaf;
  };

  SortedTree() = default;
  // Any order. Code "duplicate_key".
  static Result<SortedTree> build(std::vector<Entry> entries);

  uint64_t size() const { return keys_.size(); }
  Hash root() const { return tree_.root(); }
  std::optional<uint64_t> find(std::string_view key) const;
  // REQUIRES: index < size().
  const std::string& key(uint64_t index) const { return keys_[index]; }
  const Hash& leaf(uint64_t index) const { return tree_.leaf(index); }

  // A value change is O(log n); an insertion moves and rehashes what is behind it. True when the
  // key is new.
  bool put(std::string_view key, const Hash& leaf);
  // False when there is no such key.
  bool erase(std::string_view key);
  // All changes with at most one pass over the tree; removing an absent key does nothing. Of
  // several changes of one key the last counts.
  void apply(std::vector<Change> changes);

  // REQUIRES: index < size().
  Proof inclusion(uint64_t index) const { return tree_.inclusion(index); }

 private:
  void merge(std::vector<Change> changes);

  std::vector<std::string> keys_;
  Tree tree_;
};

}  // namespace flagmesh::merkle
