// Files that must survive a crash and a power cut: small ones, whole in the old form or whole in the new one, and ones
// that grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh {

// The folder and those above it, mode 0700 where they are made; durable when it returns. Code "write_failed".
Status make_folders(const std::string& path);

// Replaces the file: a temporary one beside it is written, synced and renamed, then the folder is synced. Durable when it
// returns. Code "write_failed"; the old content is still there then.
Status write_durably(const std::string& path, std::string_view bytes);
// As above without syncing: whole or old after a crash of the process, not after a power cut. For files that are made
// again at every start.
Status write_atomically(const std::string& path, std::string_view bytes);

// The whole file; nothing when there is none. Codes "read_failed", "too_large".
Result<std::optional<std::string>> read_if_exists(const std::string& path, size_t max_bytes);

// A file that grows by what is synced at its end, or is written anew from the beginning. Move-only; one owner, one thread.
// Codes of all methods: "write_failed". After a failure nothing says what the disk holds: drop the object, and read the
// file before going on with it.
class GrowingFile {
 public:
  // The file as it is, cut to its first `keep` bytes; durable with the next sync(). REQUIRES: it exists.
  static Result<GrowingFile> open(const std::string& path, uint64_t keep);
  // An empty one beside `path`, which stays what it was until put_in_place().
  static Result<GrowingFile> begin(const std::string& path);

  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&& other) noexcept;
  ~GrowingFile();

  uint64_t size() const { return size_; }
  Status write(std::string_view bytes);
  // What was written is there after a power cut.
  Status sync();
  // Syncs, and then the file is at its path, durably. Once, after begin().
  Status put_in_place();

 private:
  GrowingFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_;
  std::string path_;
  uint64_t size_ = 0;
};

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
