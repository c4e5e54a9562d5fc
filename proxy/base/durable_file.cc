#include "proxy/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace flagmesh {
namespace {

std::unexpected<Error> failed(const char* code, const std::string& path, const char* what,
                              int error) {
  return fail(code, std::string("cannot ") + what + ": " + strerror(error), path);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Status sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("write_failed", folder, "open the folder", errno);
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) return failed("write_failed", folder, "sync the folder", error);
  return {};
}

Status replace(const std::string& path, std::string_view bytes, bool durable) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("write_failed", temporary, "create", errno);
  const bool written = write_all(fd, bytes) && (!durable || ::fsync(fd) == 0);
  const int error = errno;
  ::close(fd);
  if (!written) return failed("write_failed", temporary, "write", error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return failed("write_failed", path, "replace", errno);
  }
  return durable ? sync_folder_of(path) : Status();
}

}  // namespace

Status make_folders(const std::string& path) {
  std::string made;
  for (const auto& part : std::filesystem::path(path)) {
    made = (std::filesystem::path(made) / part).string();
    if (::mkdir(made.c_str(), 0700) == 0) {
      if (Status synced = sync_folder_of(made); !synced) return synced;
    } else if (errno != EEXIST && errno != EISDIR) {
      const int error = errno;
      std::error_code ignored;
      if (!std::filesystem::is_directory(made, ignored)) {
        return failed("write_failed", made, "create the folder", error);
      }
    }
  }
  return {};
}

Status write_durably(const std::string& path, std::string_view bytes) {
  return replace(path, bytes, true);
}

Status write_atomically(const std::string& path, std::string_view bytes) {
  return replace(path, bytes, false);
}

Result<std::optional<std::string>> read_if_exists(const std::string& path, size_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return std::nullopt;
    return failed("read_failed", path, "open", errno);
  }
  std::string bytes;
  char part[16 * 1024];
  for (;;) {
    const ssize_t got = ::read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    const int error = errno;
    if (got <= 0) {
      ::close(fd);
      if (got < 0) return failed("read_failed", path, "read", error);
      return bytes;
    }
    bytes.append(part, static_cast<size_t>(got));
    if (bytes.size() > max_bytes) {
      ::close(fd);
      return fail("too_large", "the file is larger than " + std::to_string(max_bytes) + " bytes",
                  path);
    }
  }
}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), size_(other.size_) {}

GrowingFile& GrowingFile::operator=(GrowingFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  path_.swap(other.path_);
  std::swap(size_, other.size_);
  return *this;
}

GrowingFile::~GrowingFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<GrowingFile> GrowingFile::open(const std::string& path, uint64_t keep) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return failed("write_failed", path, "open", errno);
  GrowingFile file(fd, path);
  file.size_ = keep;
  struct stat info {};
  const bool cut = ::fstat(fd, &info) == 0 && info.st_size != static_cast<off_t>(keep);
  if (cut && ::ftruncate(fd, static_cast<off_t>(keep)) != 0) {
    return failed("write_failed", path, "cut", errno);
  }
  return file;
}

Result<GrowingFile> GrowingFile::begin(const std::string& path) {
  const std::string beside = path + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return failed("write_failed", beside, "create", errno);
  return GrowingFile(fd, path);
}

Status GrowingFile::write(std::string_view bytes) {
  if (!write_all(fd_, bytes)) return failed("write_failed", path_, "write", errno);
  size_ += bytes.size();
  return {};
}

Status GrowingFile::sync() {
  if (::fdatasync(fd_) != 0) return failed("write_failed", path_, "sync", errno);
  return {};
}

Status GrowingFile::put_in_place() {
  if (::fsync(fd_) != 0) return failed("write_failed", path_, "sync", errno);
  if (::rename((path_ + ".new").c_str(), path_.c_str()) != 0) {
    return failed("write_failed", path_, "put in place", errno);
  }
  return sync_folder_of(path_);
}

Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed("write_failed", path, "create", errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail("locked", "another process uses this folder", folder,
                "stop it, or give each its own state_dir");
  }
  return FolderLock(fd);
}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace flagmesh
