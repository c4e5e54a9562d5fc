#include "merkle/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace flagmesh::merkle {

namespace {

std::unexpected<Error> fail_errno(const char* code, const char* what, const std::string& path) {
  return fail(code, std::string(what) + ": " + std::strerror(errno), path);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

Status sync_folder_of(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail_errno("write_failed", "cannot open the folder", folder);
  int result = fsync(fd);
  close(fd);
  if (result != 0) return fail_errno("write_failed", "cannot sync the folder", folder);
  return {};
}

Status write_secret_file(const std::string& path, std::string_view contents) {
  int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST)
    return fail("file_exists", "the file exists and is not replaced", path,
                "move it away or choose another name");
  if (fd < 0) return fail_errno("write_failed", "cannot create the file", path);
  bool written = fchmod(fd, 0600) == 0 && write_all(fd, contents) && fsync(fd) == 0;
  int error = errno;
  close(fd);
  if (!written) {
    unlink(path.c_str());
    errno = error;
    return fail_errno("write_failed", "cannot write the file", path);
  }
  return sync_folder_of(path);
}

Result<std::string> read_secret_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno("read_failed", "cannot open the file", path);
  std::string contents(kSecretFileBytes + 1, '\0');
  size_t size = 0;
  while (size < contents.size()) {
    ssize_t count = read(fd, contents.data() + size, contents.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      int error = errno;
      close(fd);
      errno = error;
      return fail_errno("read_failed", "cannot read the file", path);
    }
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  close(fd);
  if (size > kSecretFileBytes) return fail("too_large", "a secret of more than 64 KiB", path);
  contents.resize(size);
  return contents;
}

}  // namespace flagmesh::merkle
