// Flag state as it travels from the engine to validators and routers, byte by byte. Everything here
// is untrusted until a StateReplica (state_replica.h) has recomputed its roots.
//
//   u8, u16, u32, u64 = unsigned, big-endian
//   hash      = 32 bytes
//   name      = u8 1*63 bytes                        ; length, tenant name
//   record    = 105 bytes                            ; merkle/epoch_record.h
//   entry     = u16 key hash u32 json                ; length and key; opening; length and JSON
//                                                    ; empty key: the flag set's metadata
//   proof     = hash hash u64 u64 u64 u8 *hash       ; opening of the tenant's leaf, tenant root,
//                                                    ; flags, index, tenants, length and path
//
//   delta     = %x01 u64 u16 *hash record proof u32 *entry u32 *gone
//               ; one tenant, from the head of size `from` (u64) to that of size record.epoch:
//               ; leaf hashes of the epochs between that never became head (from+1 .. epoch-1),
//               ; the record, the tenant's proof in it, entries that are new or changed, keys gone;
//               ; both in the order of their keys' bytes, each key once, no key in both
//   gone      = u16 key
//
//   manifest  = %x02 u16 range record proof u32 *chunk-ref
//               ; one tenant, everything at the head of size record.epoch: length and compact range
//               ; (merkle/compact_range.h) of the epoch-1 leaves before the record's
//   chunk-ref = hash u32                             ; SHA-256 of the chunk, its bytes
//   chunk     = %x03 u32 *entry                      ; chunks in order have all keys in order
//
//   candidate = ( %x04 / %x05 u16 range ) shown / ( %x06 / %x07 u16 range ) shown u32 lock
//   shown     = u32 note u64 u16 *hash record u16 *tenant
//               ; what validators judge: length and checkpoint note; then as delta, for every
//               tenant ; of the state, in the order of their names
//   tenant    = name proof u32 *entry u32 *gone
//
// Parsers are strict (nothing may follow, order is checked, encode(parse(b)) == b) and bounded by
// PublishedLimits; their code is "bad_state", the message says what and the place at which byte.
// Plain values and free functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/compact_range.h"
#include "merkle/epoch_record.h"
#include "merkle/hash.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// What a reader takes at most. Larger state is refused ("bad_state"); the engine refuses to make
// it.
namespace published_limits {
inline constexpr size_t kKeyBytes = 256;                   // of a flag
inline constexpr size_t kDeltaBytes = 64 * 1024 * 1024;    // a delta or a candidate
inline constexpr size_t kManifestBytes = 4 * 1024 * 1024;  // some 100,000 chunks
// A chunk closes when it is this big, so its bytes are at most this and one entry.
inline constexpr size_t kChunkFullBytes = 256 * 1024;
inline constexpr size_t kChunkBytes = kChunkFullBytes + merkle::kLeafJsonBytes + 1024;
inline constexpr size_t kEntries = 1'000'000;  // of one tenant
inline constexpr size_t kTenants = 10'000;
inline constexpr size_t kSkippedEpochs = 10'000;          // between two heads
inline constexpr size_t kStateBytes = 512 * 1024 * 1024;  // all chunks of a tenant
}  // namespace published_limits

// One leaf of a tenant's tree: a flag, or with an empty key the flag set's metadata.
struct StateEntry {
  std::string key;
  merkle::Hash opening;
  std::string json;  // canonical (control/flags/canonical_flag.h)

  bool operator==(const StateEntry&) const = default;
  merkle::Hash leaf() const;
};

// Where a tenant stands in the state tree.
struct TenantProof {
  merkle::Hash opening;  // of the tenant's leaf
  merkle::Hash root;     // of the tenant's tree
  uint64_t flags = 0;    // without the metadata leaf
  uint64_t index = 0;
  uint64_t tenants = 0;  // leaves of the state tree
  merkle::Proof path;    // at most 64

  bool operator==(const TenantProof&) const = default;
  // The tenant's leaf, by its name, is under `state_root`. Codes as merkle::verify_inclusion.
  Status verify(std::string_view tenant, const merkle::Hash& state_root) const;
};

// How the log grows from one head to the next.
struct LogStep {
  uint64_t from = 0;                  // size of the head before; 0: there was none
  std::vector<merkle::Hash> skipped;  // leaves of the epochs between; refused ones
  merkle::EpochRecord record;         // the last leaf; epoch == from + skipped.size() + 1

  bool operator==(const LogStep&) const = default;
  uint64_t to() const { return record.epoch; }
};

// What of one tenant changes from one head to the next.
struct TenantChange {
  std::string tenant;  // not in the bytes of a delta: the place that it is read from says it
  TenantProof proof;   // after the change
  std::vector<StateEntry> changed;  // by key
  std::vector<std::string> gone;    // by key

  bool operator==(const TenantChange&) const = default;
};

struct Delta {
  LogStep log;
  TenantChange change;

  bool operator==(const Delta&) const = default;
  std::string encode() const;
  static Result<Delta> parse(std::string_view bytes, std::string_view tenant);
};

struct ChunkRef {
  merkle::Hash hash;
  uint32_t bytes = 0;

  bool operator==(const ChunkRef&) const = default;
};

struct Manifest {
  merkle::CompactRange before;  // of the record.epoch - 1 leaves before
  merkle::EpochRecord record;
  TenantProof proof;
  std::vector<ChunkRef> chunks;

  std::string encode() const;
  // The sum of the chunks' sizes is checked against kStateBytes.
  static Result<Manifest> parse(std::string_view bytes);
};

std::string encode_chunk(std::span<const StateEntry> entries);
// Appends the entries to `out`, whose keys must stay in order. The hash is checked first: code
// "bad_chunk" when the bytes are not those that `ref` names.
Status parse_chunk(std::string_view bytes, const ChunkRef& ref, std::vector<StateEntry>& out);

struct Candidate {
  std::string note;                            // checkpoint of size log.to(), signed by the engine
  std::optional<merkle::CompactRange> before;  // present: all entries, not changes
  LogStep log;
  std::vector<TenantChange> tenants;  // every tenant of the state, those without change too
  std::string lock = {};  // the lock file that allows it (lockfile/lock_file.h); empty: none

  std::string encode() const;
  static Result<Candidate> parse(std::string_view bytes);
};

// What a validator leaves in the place of its cosignature when it refuses: "refused CODE: text", one
// line. Nobody signs it: it is only shown to people.
std::string refusal_line(const Error& why);
// The text behind "refused ", cut and without control characters; nothing when it is none.
std::optional<std::string> parse_refusal(std::string_view line);

}  // namespace flagmesh::snapshot
