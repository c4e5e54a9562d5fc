// Lock files: what is accepted is written back byte for byte, and verifies against itself.
#include <cstdlib>
#include <string_view>

#include "lockfile/diff.h"
#include "lockfile/lock_file.h"
#include "lockfile/lock_time.h"

using namespace flagmesh::lockfile;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto file = LockFile::parse(input); file) {
    if (file->text() != input) std::abort();
    auto changes = diff_locks(file->lock, file->lock);
    if (!changes || !changes->empty()) std::abort();
    if (file->published)
      (void)check_published(*file->published,
                            {file->lock.tenant, file->lock.flag_count(), file->lock.tenant_root});
  }
  if (auto time = parse_time(input); time)
    if (format_time(*time) != input) std::abort();
  return 0;
}
