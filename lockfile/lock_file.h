// The lock file: one reviewed, approved transition of a tenant's flags, as text that a diff reads
// well. The same inputs give the same bytes on every machine.
//
//   lock-file = body [ LF 1*signature ] [ trailer ]      ; with signatures: a C2SP note of the body
//   body      = "flagmesh lock 1" LF
//               "tenant " name LF
//               "canonicalisation flagmesh-flag-1" LF    ; control/flags/canonical_flag.h
//               "openings " ( "none" / 8HEXDIG ) LF      ; merkle::TenantSecret::id
//               "not-after " date-time LF                ; YYYY-MM-DDThh:mm:ssZ
//               "base-root " ( "none" / hash ) LF        ; tenant root before; none: no tenant
//               "tenant-root " hash LF                   ; tenant root after
//               [ "metadata " hash LF ]                  ; leaf hash of the flag set's metadata
//               *flag                                    ; flags that come from no file
//               *( "file " hash " " path LF *flag )      ; SHA-256 of the file; what it defines
//   flag      = "flag " hash " " key LF                  ; leaf hash (merkle/state_tree.h)
//   hash      = 64 lower-case hexadecimal digits
//   path, key = 1*CHAR                                   ; UTF-8 without control characters
//   trailer   = published.h
//
// Files are sorted by the bytes of their paths, the flags of each group by those of their keys; a
// key is there once. The tenant root is the root of the leaves that are listed: parse computes it.
//
// Plain values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lockfile/published.h"
#include "merkle/hash.h"
#include "merkle/note.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

// 100,000 flags are about 10 MB.
inline constexpr size_t kLockFileBytes = 64 * 1024 * 1024;

struct LockedFlag {
  std::string key;
  merkle::Hash leaf;

  bool operator==(const LockedFlag&) const = default;
};

struct LockedFile {
  std::string path;  // as the one who locked named it; a name, never opened by this box
  merkle::Hash sha256;
  std::vector<LockedFlag> flags = {};

  bool operator==(const LockedFile&) const = default;
};

// The signed part.
struct Lock {
  std::string tenant;
  std::string openings = "none";          // which tenant secret the leaf hashes were made with
  int64_t not_after = 0;                  // seconds since 1970, years 1970 to 9999
  std::optional<merkle::Hash> base_root;  // nothing: the tenant did not exist before
  merkle::Hash tenant_root;
  std::optional<merkle::Hash> metadata;
  std::vector<LockedFlag> loose_flags;  // that come from no file
  std::vector<LockedFile> files;

  bool operator==(const Lock&) const = default;

  uint64_t flag_count() const;
  // The body. REQUIRES: a lock as make_lock or parse gives it.
  std::string text() const;
  // Strict: parse(body)->text() == body. Code "bad_lock"; the place is the line.
  static Result<Lock> parse(std::string_view body);
};

// The root of the leaves that a lock lists. Code "duplicate_key".
Result<merkle::Hash> root_of_leaves(const Lock& lock);

struct LockFile {
  Lock lock;
  std::vector<merkle::NoteSignature> approvals = {};  // as read; approval.h judges them
  std::optional<Published> published = {};

  std::string text() const;
  // Strict: parse(bytes)->text() == bytes. Codes "bad_lock", "bad_note", "bad_published".
  static Result<LockFile> parse(std::string_view bytes);
};

}  // namespace flagmesh::lockfile
