// The unsigned end of a lock file: where the locked state was published. It proves itself, so it
// needs no approval, and it can be added or removed without touching the signatures.
//
//   trailer = "== published, not signed" LF
//             "tenant-opening " 64HEXDIG LF
//             "tenant-proof " index " " tenants " " proof LF    ; under the record's state root
//             "record " base64 LF                               ; merkle/epoch_record.h
//             "log-proof " proof LF                             ; under the checkpoint's root
//             checkpoint-note                                   ; to the end; C2SP tlog-checkpoint
//   proof   = "-" / base64 *( " " base64 )                      ; merkle/proof.h
//
// A plain value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/checkpoint.h"
#include "merkle/epoch_record.h"
#include "merkle/note.h"
#include "merkle/proof.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

inline constexpr std::string_view kPublishedLine = "== published, not signed\n";

struct Published {
  merkle::Hash tenant_opening;
  uint64_t tenant_index = 0;  // of the tenant among the state's tenants
  uint64_t tenants = 0;
  merkle::Proof tenant_proof;
  merkle::EpochRecord record;
  merkle::Proof log_proof;
  merkle::Note checkpoint;

  // With its first line.
  std::string text() const;
  // Strict: parse(text)->text() == text. Code "bad_published".
  static Result<Published> parse(std::string_view text);
};

// The tenant's summary is under the record's state root, and the record is in the log under the
// checkpoint. Gives the checkpoint; whether its signatures are to be trusted is the caller's to
// check (merkle::verify_note). Codes "bad_checkpoint", "bad_index", "bad_proof_length",
// "root_mismatch".
Result<merkle::Checkpoint> check_published(const Published& published,
                                           const merkle::TenantSummary& summary);

}  // namespace flagmesh::lockfile
