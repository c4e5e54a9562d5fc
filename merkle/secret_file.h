// Files that hold a secret: private keys, the master secret, tokens.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::merkle {

// No secret of ours is longer; a bigger file is a mistake.
inline constexpr size_t kSecretFileBytes = 64 * 1024;

// Creates the file with mode 0600, writes and syncs it and its folder. Refuses to replace an
// existing one (code "file_exists"): a lost key cannot be had back. Code "write_failed" with the
// path as place.
Status write_secret_file(const std::string& path, std::string_view contents);

// Codes "read_failed", "too_large". Warns about nothing: mounted secrets of Kubernetes are often
// readable by a group.
Result<std::string> read_secret_file(const std::string& path);

// Makes the folder's entry for the file durable, after it was created or renamed. Code
// "write_failed".
Status sync_folder_of(const std::string& path);

}  // namespace flagmesh::merkle
