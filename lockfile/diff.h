// What changed between two states of a tenant's flags: between two locks (by leaf hash), or between
// two flag sets (by value, field by field). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/moved_share.h"
#include "lockfile/lock_file.h"
#include "lockfile/make_lock.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

// One value within a flag's canonical JSON: "targeting.fractional[0][1]" from 25 to 50.
struct FieldChange {
  std::string path;
  std::string before;  // canonical JSON; empty: it was not there
  std::string after;   // canonical JSON; empty: it is gone

  bool operator==(const FieldChange&) const = default;
};

struct FlagChange {
  enum class Kind : uint8_t { kAdded, kRemoved, kChanged };

  Kind kind;
  std::string key;        // empty: the flag set's metadata
  std::string file = {};  // where the flag is now, or was when it is removed; empty: no file
  std::vector<FieldChange> fields = {};  // of a changed flag, when both values are at hand
  // Of the users who get another variant; of a flag that changed or went, when its value is at hand.
  std::optional<flags::MovedShare> moved = {};

  bool operator==(const FlagChange&) const = default;
  // "+ key (file)", "- key (file)" or "~ key (file)" with an indented line for each field and one
  // for the users who move; each line with its newline.
  std::string text() const;
};

// Sorted by key. Codes "wrong_tenant", "wrong_secret" (made with different tenant secrets, so that
// leaf hashes cannot be compared).
Result<std::vector<FlagChange>> diff_locks(const Lock& before, const Lock& after);

// Sorted by key, with the fields of changed flags and the users that they move. Codes "wrong_tenant", "duplicate_key",
// "bad_json".
Result<std::vector<FlagChange>> diff_flags(const FlagSetInput& before, const FlagSetInput& after);

// The values that differ between two JSON texts, in the order of their paths. Code "bad_json".
Result<std::vector<FieldChange>> diff_json(std::string_view before, std::string_view after);

}  // namespace flagmesh::lockfile
