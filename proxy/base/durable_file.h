// Small files that must survive a crash and a power cut: whole in the old form or whole in the new one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh {

// The folder and those above it, mode 0700 where they are made. Code "write_failed".
Status make_folders(const std::string& path);

// Replaces the file: a temporary one beside it is written, synced and renamed, then the folder is synced. Durable when it
// returns. Code "write_failed"; the old content is still there then.
Status write_durably(const std::string& path, std::string_view bytes);
// As above without syncing: whole or old after a crash of the process, not after a power cut. For files that are made
// again at every start.
Status write_atomically(const std::string& path, std::string_view bytes);

// The whole file; nothing when there is none. Codes "read_failed", "too_large".
Result<std::optional<std::string>> read_if_exists(const std::string& path, size_t max_bytes);

// Keeps other processes out of a state folder, by an exclusive lock on its file "lock". Move-only.
class FolderLock {
 public:
  // Codes "locked" (another process has it), "write_failed".
  static Result<FolderLock> take(const std::string& folder);

  FolderLock(FolderLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace flagmesh
