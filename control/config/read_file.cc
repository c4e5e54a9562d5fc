#include "control/config/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace flagmesh::config {
namespace {

struct Descriptor {
  explicit Descriptor(const std::string& path)
      : fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  const int fd;
};

std::unexpected<Error> failed(int error) {
  return fail("read_failed", "cannot be read: " + std::generic_category().message(error));
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(path);  // O_NONBLOCK: a pipe by that name must not hang the program
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode)) return fail("read_failed", "cannot be read: it is no regular file");
  std::string text;
  std::array<char, 64 * 1024> buffer;
  while (true) {
    const ssize_t got = read(file.fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(errno);
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kFileBytes) return fail("too_large", "is larger than 64 MiB");
  }
}

}  // namespace flagmesh::config
