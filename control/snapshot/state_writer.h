// The engine's copy of what it publishes: every tenant's entries, trees and chunks, from which the
// bytes of candidates and publications are made. The counterpart of StateReplica.
//
//   writer.stage(changes);                       // hashes to the next state at once
//   record.state_root = writer.state_root();     // append to the log, reserve, sign, then
//   carrier.put_candidate(writer.candidate(log, note).encode())       // ask validators
//   carrier.publish(*writer.publication(log, head), done)             // and when it is done
//   writer.commit(log.size())                    // or, when refused: writer.discard()
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/carrier.h"
#include "control/snapshot/published_state.h"
#include "merkle/epoch_log.h"
#include "merkle/hash.h"
#include "merkle/sorted_tree.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// A flag (or with an empty key the flag set's metadata) that is new, changed, or (nullopt) gone.
struct EntryChange {
  std::string tenant;
  std::string key;
  std::optional<std::string> json;  // canonical
};

// One owner, one thread. One epoch at a time is staged.
class StateWriter {
 public:
  // A tenant's secret, asked for once when the tenant is new. None: nothing is hidden.
  using Secrets = std::function<merkle::TenantSecret(std::string_view tenant)>;
  explicit StateWriter(Secrets secrets = {}) : secrets_(std::move(secrets)) {}
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // Adds to what is staged; all or nothing. What is as it was changes nothing. Codes "bad_tenant"
  // (no such name, too many), "too_large" (key, JSON, number of entries).
  Status stage(const std::vector<EntryChange>& changes);
  // A tenant, with or without flags; it stays when its last flag goes. Code "bad_tenant".
  Status stage_tenant(const std::string& tenant);
  bool staged() const;
  // What is staged is now the head's state, and the log has that size there.
  void commit(uint64_t size);
  // Back to the head's state.
  void discard();

  // A head of that size is in force whose entries are not known here (an engine that starts): the
  // next candidate and publication are whole instead of a change. REQUIRES: nothing committed.
  void set_unknown_head(uint64_t size) { head_size_ = size; }
  // The entries of such a head, read back and proven by the caller: they become the head's state,
  // and what is staged stays so, as the difference from it. Code "wrong_state": here they do not
  // hash to `state_root` (another tenant secret); then nothing has changed. REQUIRES: head_size() >
  // 0, !head_known().
  Status adopt_head(const std::vector<EntryChange>& entries, const merkle::Hash& state_root);
  // Size of the log at the head; 0: none yet.
  uint64_t head_size() const { return head_size_; }
  bool head_known() const { return head_known_; }

  // Another engine has moved the head to that size: its entries become the head's state, and nothing
  // is staged. Code "wrong_state" as above; then the head is one whose entries are not known.
  Status jump_to(uint64_t size, const std::vector<EntryChange>& entries,
                 const merkle::Hash& state_root);

  // What is staged, as what would stage it again on the head's state.
  std::vector<EntryChange> staged_changes() const;

  // Of the state with what is staged.
  merkle::Hash state_root() const { return state_.root(); }
  uint64_t flags() const;
  // Null when there is no such tenant, no such entry. Lives until the next change. For proofs.
  const merkle::SortedTree* tree(std::string_view tenant) const;
  const StateEntry* entry(std::string_view tenant, std::string_view key) const;
  // All entries of the tenant, by key; copies.
  std::vector<StateEntry> entries(std::string_view tenant) const;
  // REQUIRES: the tenant exists.
  TenantProof proof(std::string_view tenant) const;

  // One entry and its places in the head's trees, without what is staged. Nothing when the head has no
  // such entry, or is not known. Copies the tenant's tree: O(flags).
  struct ProvenEntry {
    StateEntry entry;
    uint64_t index = 0;
    uint64_t leaves = 0;  // of the tenant's tree
    merkle::Proof path;
    TenantProof tenant;
  };
  std::optional<ProvenEntry> prove_at_head(std::string_view tenant, std::string_view key) const;
  // The tenant alone.
  std::optional<TenantProof> prove_tenant_at_head(std::string_view tenant) const;

  // What is staged, as epoch log.size(). REQUIRES: the log's last record has state_root(), and the
  // head is one of its sizes before.
  Candidate candidate(const merkle::EpochLog& log, std::string note) const;
  // The same, to be enforced; `head` is the note with its cosignatures. Code "too_large".
  Result<Publication> publication(const merkle::EpochLog& log, std::string head);
  // The head's state, without what is staged, whole: for a carrier that lost it. `replaces`: the
  // head that was read; nullopt: there was none. REQUIRES: head_known(). Code "too_large".
  Result<Publication> everything(const merkle::EpochLog& log, std::string head,
                                 std::optional<std::string> replaces);

 private:
  using Entries = std::map<std::string, StateEntry, std::less<>>;  // by key
  using Chunks = std::map<std::string, ChunkRef, std::less<>>;     // by the first key in it
  // How a tenant's chunks become those of what is staged.
  struct Rechunked {
    Chunks chunks;
    std::vector<Publication::Chunk> fresh;
    std::vector<merkle::Hash> stale;
  };
  struct Tenant {
    merkle::TenantSecret secret;
    Entries entries;
    merkle::SortedTree tree;
    // Of each key that is staged the entry at the head; nullopt: absent there.
    std::map<std::string, std::optional<StateEntry>, std::less<>> before;
    bool is_new = false;                // staged as a whole
    Chunks chunks;                      // of the head's state
    std::optional<Chunks> next_chunks;  // of what is staged, once it was worked out
  };

  static merkle::SortedTree tree_at_head(const Tenant& tenant);
  merkle::SortedTree state_at_head() const;
  static TenantProof prove(const std::string& name, const Tenant& tenant,
                           const merkle::SortedTree& tree, const merkle::SortedTree& state);
  Status check(const EntryChange& change) const;
  Tenant& tenant(const std::string& name);
  void put(const std::string& name, Tenant& tenant, const EntryChange& change,
           std::vector<merkle::SortedTree::Change>& leaves);
  void rehash(const std::string& name, Tenant& tenant,
              std::vector<merkle::SortedTree::Change> leaves);
  // Changes from the head, or when that is not known all entries.
  TenantChange change_of(const std::string& name, const Tenant& tenant) const;
  bool is_whole(const merkle::EpochLog& log) const;
  LogStep log_step(const merkle::EpochLog& log) const;
  Rechunked rechunk(const Tenant& tenant) const;
  static std::vector<Publication::Chunk> encode_all(const Tenant& tenant);

  Secrets secrets_;
  std::map<std::string, Tenant, std::less<>> tenants_;
  merkle::SortedTree state_;
  uint64_t head_size_ = 0;
  bool head_known_ = false;
};

}  // namespace flagmesh::snapshot
