#include "proxy/temporary_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace flagmesh {

Result<TemporaryFolder> TemporaryFolder::create(const std::string& prefix) {
  const char* parent = getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): before any thread
  std::string path = std::string(parent != nullptr && *parent != '\0' ? parent : "/tmp") + "/" + prefix + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return fail("temporary_folder", strerror(errno), path);
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace flagmesh
