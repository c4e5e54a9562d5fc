// The engine's copy of what it publishes: every tenant's entries, trees and chunks, from which the
// bytes of candidates and publications are made. The counterpart of StateReplica.
//
//   writer.stage(changes);                       // trees hash to the next state at once
//   record.state_root = writer.state_root();     // append to the log, reserve, sign ...
//   carrier.put_candidate(writer.candidate(log, note).encode())
//   carrier.publish(writer.publication(log, head), ...)  then  writer.commit() | writer.discard()
//
// One epoch at a time is staged. One owner, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

// A flag (or with an empty key the flag set's metadata) that is new, changed or (nullopt) gone.
struct EntryChange {
  std::string tenant;
  std::string key;
  std::optional<std::string> json;  // canonical
};

class StateWriter {
 public:
  // `master`: secret that tenants' secrets are derived from (merkle::TenantSecret); empty: none.
  explicit StateWriter(std::string master = {}) : master_(std::move(master)) {}
  ~StateWriter();  // wipes the secret
  StateWriter(const StateWriter&) = delete;
  StateWriter& operator=(const StateWriter&) = delete;

  // Adds to what is staged; all or nothing. A tenant exists from its first entry on, and stays when
  // it has none any more. An entry that is staged as it already is changes nothing. Codes:
  // "bad_tenant" (no DNS label, too many), "too_large" (key, JSON, number of entries).
  Status stage(const std::vector<EntryChange>& changes);
  // A tenant without flags.
  Status stage_tenant(const std::string& tenant);
  bool staged() const { return !staged_.empty() || !new_tenants_.empty(); }
  // The staged state is the head's now.
  void commit();
  // Back to the head's state.
  void discard();

  // Of the state with what is staged.
  merkle::Hash state_root() const { return state_.root(); }
  uint64_t flags() const { return flags_; }
  // REQUIRES: the tenant exists.
  const merkle::SortedTree& tree(std::string_view tenant) const;
  // REQUIRES: tenant and key exist. For proofs of one flag.
  const StateEntry& entry(std::string_view tenant, std::string_view key) const;
  TenantProof proof(std::string_view tenant) const;

  // The head of the state without what is staged. `log` has at least head_size records.
  void set_head(uint64_t size) { head_size_ = size; }
  uint64_t head_size() const { return head_size_; }

  // The staged state as epoch log.size(), from the head. REQUIRES: the log's last record has
  // state_root(). commit() makes log.size() the head when `size` is given there.
  Candidate candidate(const merkle::EpochLog& log, std::string note) const;
  // The same to be enforced; `head` is the note with its cosignatures. Code "too_large".
  Result<Publication> publication(const merkle::EpochLog& log, std::string head);
  // The head's state (what is staged left out), whole: for a carrier that lost it. `replaces`: what
  // was read as head; nullopt: nothing was there. REQUIRES: head_size() > 0.
  Result<Publication> everything(const merkle::EpochLog& log, std::string head,
                                 std::optional<std::string> replaces);
};

}  // namespace flagmesh::snapshot
