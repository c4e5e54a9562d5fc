// One flag, and all that it takes to check that it is in force in a log that others can watch:
// selective disclosure. Shows this flag and nothing of any other but how many there are.
//
//   flag-proof   = "flagmesh proof 1" LF
//                  "flag " json LF                    ; canonical (control/flags/canonical_flag.h)
//                  "opening " 64HEXDIG LF             ; of the flag's leaf (merkle/state_tree.h)
//                  "flag-proof " place LF             ; the leaf under the tenant's root
//                  "tenant-flags " number LF          ; what the tenant's leaf says of its flags
//                  "tenant-opening " 64HEXDIG LF
//                  "tenant-proof " place LF           ; the tenant's leaf under the state root
//                  "record " base64 LF                ; merkle/epoch_record.h
//                  tlog-proof                         ; to the end: merkle/tlog_proof.h
//   place        = index " " leaves " " proof         ; merkle/proof.h
//
// The flag's leaf and its path give the tenant's root; that, with the tenant's name and the number
// of its flags, the tenant's leaf; its path must lead to the record's state root; and the record's
// leaf must be in the log under the checkpoint. Nothing of this needs a secret.
//
// Plain values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/epoch_record.h"
#include "merkle/hash.h"
#include "merkle/proof.h"
#include "merkle/tlog_proof.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

inline constexpr size_t kFlagProofBytes = 2 * 1024 * 1024;

// Where a leaf is in a tree.
struct LeafPlace {
  uint64_t index = 0;
  uint64_t leaves = 0;
  merkle::Proof path;

  bool operator==(const LeafPlace&) const = default;
};

struct FlagProof {
  std::string json;
  merkle::Hash opening;
  LeafPlace in_tenant;
  uint64_t tenant_flags = 0;
  merkle::Hash tenant_opening;
  LeafPlace in_state;
  merkle::EpochRecord record;
  merkle::TlogProof in_log;

  std::string text() const;
  // Strict: parse(text)->text() == text. Code "bad_proof_file"; the place is the line.
  static Result<FlagProof> parse(std::string_view text);
};

// What a proof proves, if its checkpoint is signed by whom the reader trusts.
struct ProvenFlag {
  std::string tenant;
  std::string key;
  merkle::Checkpoint checkpoint;
};

// Follows the proof from the flag to the checkpoint. Codes "bad_flag" (the JSON is no canonical
// flag), "bad_checkpoint", "bad_index", "bad_proof_length", "root_mismatch"; the message says at
// which step. The signatures are the caller's to check.
Result<ProvenFlag> check_flag_proof(const FlagProof& proof);

}  // namespace flagmesh::lockfile
