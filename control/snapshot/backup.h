// What `flagmesh export` writes and `flagmesh restore` puts back: everything that one head names.
//
//   backup = "flagmesh-backup/v1" LF u32 head u64 *hash u32 *tenant hash
//            ; length and note of the head; number and leaf hashes of all epochs; tenants by name; SHA-256
//            ; of all bytes before
//   tenant = u8 name u32 manifest u32 *chunk       ; lengths and bytes, as in published_state.h
//   chunk  = u32 bytes
//
// Integers are big-endian. It has flags in clear and no key: keep it like a flag file. Nothing in it
// is believed: verified() recomputes every root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// A value; any thread.
struct Backup {
  struct Tenant {
    std::string name;
    std::string manifest;
    std::vector<std::string> chunks;  // as the manifest names them

    bool operator==(const Tenant&) const = default;
  };

  std::string head;
  std::vector<merkle::Hash> leaves;  // of the epochs from 1 to the head's
  std::vector<Tenant> tenants;       // by name

  bool operator==(const Backup&) const = default;
  std::string encode() const;
  // Strict: encode(parse(b)) == b. Code "bad_backup".
  static Result<Backup> parse(std::string_view bytes);

  // What a carrier has to be given so that routers find the state again. Enough have signed the head,
  // and every tenant, every flag and the log are under it; its age is not looked at. Codes:
  // HeadVerifier::verify_enough, "bad_state", "bad_chunk", StateReplica::take, "inconsistent_log".
  Result<Publication> verified(const HeadVerifier& verifier) const;
};

}  // namespace flagmesh::snapshot
