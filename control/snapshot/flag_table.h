// All flags that a process knows, as a persistent map: deriving a version with one changed flag
// copies O(log n) nodes and shares the rest with the version that it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/compiled_flag.h"
#include "merkle/hash.h"

namespace flagmesh::snapshot {

using LeafHash = merkle::Hash;

// One flag. Immutable; shared by every version of the table that contains it.
struct FlagEntry {
  std::shared_ptr<const flags::CompiledFlag> flag;  // never null
  std::string canonical_json;                       // RFC 8785; what the leaf hash commits to
  LeafHash leaf = {};
  merkle::Hash opening = {};  // of the leaf

  std::string_view tenant() const { return flag->tenant(); }
  std::string_view key() const { return flag->key(); }
};

// A value type: copying is two words and shares everything. A version never changes once made, so
// any number of threads may read it (and drop it) while another thread derives the next one from
// it. Order is (tenant, key) by bytes.
class FlagTable {
 public:
  FlagTable() = default;

  // Builds from any order in O(n log n). Of several entries for the same (tenant, key) the last one
  // wins.
  static FlagTable from_entries(std::vector<std::shared_ptr<const FlagEntry>> entries);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Null when absent. The pointer lives as long as any version of the table that contains the
  // entry.
  const FlagEntry* find(std::string_view tenant, std::string_view key) const;

  // A version in which this entry replaces or joins. O(log n).
  FlagTable with(std::shared_ptr<const FlagEntry> entry) const;
  // A version without the flag; the same version when it is absent. O(log n).
  FlagTable without(std::string_view tenant, std::string_view key) const;

  // Every entry in order. The callback returns false to stop.
  void for_each(const std::function<bool(const FlagEntry&)>& visit) const;
  // The entries of one tenant in key order.
  void for_each_of(std::string_view tenant,
                   const std::function<bool(const FlagEntry&)>& visit) const;

  // Calls `visit` for each key whose entry is not the same object in both versions, in order; null
  // means absent on that side. Shared parts are skipped: O(k log n) for k changes between versions
  // derived from one another.
  using Difference = std::function<void(const FlagEntry* before, const FlagEntry* after)>;
  static void for_each_difference(const FlagTable& before, const FlagTable& after,
                                  const Difference& visit);

  struct Node;  // of flag_table.cc

 private:
  using NodePtr = std::shared_ptr<const Node>;
  FlagTable(NodePtr root, size_t size) : root_(std::move(root)), size_(size) {}

  NodePtr root_;
  size_t size_ = 0;
};

}  // namespace flagmesh::snapshot
