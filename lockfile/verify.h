// Compares files and flags with the lock that was made of them. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lockfile/lock_file.h"
#include "lockfile/make_lock.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

struct Difference {
  enum class Kind : uint8_t {
    kFlagDiffers,    // another definition than the locked one
    kFlagMissing,    // locked, but not defined any more
    kFlagNotLocked,  // defined, but not in the lock
    kFlagMoved,      // defined as locked, but in another file
    kMetadata,       // the flag set's metadata differs
    kFileDiffers,    // other bytes, although every flag in it is as locked (a comment, say)
    kFileMissing,    // locked, but not among the files
    kFileNotLocked,  // among the files, but not in the lock
  };

  Kind kind;
  std::string file = {};  // where it is now, or was when it is missing; empty: no file
  std::string key = {};   // of the flag; empty: the difference is not about one
  std::string from = {};  // kFlagMoved: the file in the lock; empty: no file

  bool operator==(const Difference&) const = default;
  // "flag checkout in flags/shop.yaml differs from the lock"
  std::string message() const;
};

// What differs, sorted by file and then by key; empty when the set is exactly what was locked.
// Codes: those of make_lock, "wrong_tenant", "wrong_secret" (the leaf hashes of the lock were made
// with another tenant secret, with one while there is none here, or the reverse).
Result<std::vector<Difference>> verify(const Lock& lock, const FlagSetInput& input);

}  // namespace flagmesh::lockfile
