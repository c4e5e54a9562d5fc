// Makes the lock of a set of flags. Inputs are plain, so that engine, command and tests feed it
// alike. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lockfile/lock_file.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

struct FlagInput {
  std::string key;
  std::string json;  // flags::canonical_flag of it
  std::string file;  // path of one of the files; empty: none
};

struct FileInput {
  std::string path;
  merkle::Hash sha256;  // of its bytes
};

struct FlagSetInput {
  std::string tenant;
  merkle::TenantSecret secret = {};  // none: openings are zeros
  std::vector<FlagInput> flags = {};
  std::string metadata_json = {};  // flags::canonical_flag_set_metadata; empty: no leaf
  std::vector<FileInput> files = {};
};

// The lock of the set. The order of the inputs does not matter. Codes: "bad_tenant", "bad_key"
// (empty, not UTF-8, control characters), "duplicate_key", "bad_path", "duplicate_file",
// "unknown_file" (a flag names a file that is not among the files), "bad_time".
Result<Lock> make_lock(const FlagSetInput& input, const std::optional<merkle::Hash>& base_root,
                       int64_t not_after);

}  // namespace flagmesh::lockfile
