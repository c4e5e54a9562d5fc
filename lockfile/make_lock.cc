#include "lockfile/make_lock.h"

#include <algorithm>
#include <map>

#include "lockfile/lines.h"
#include "lockfile/lock_time.h"

namespace flagmesh::lockfile {

namespace {

// The files by path, still without flags.
Result<std::map<std::string, LockedFile>> files_of(const FlagSetInput& input) {
  std::map<std::string, LockedFile> files;
  for (const FileInput& file : input.files) {
    if (!is_line_text(file.path))
      return fail("bad_path", "a file's path is empty or has control characters");
    if (!files.emplace(file.path, LockedFile{file.path, file.sha256}).second)
      return fail("duplicate_file", "the file is there twice", file.path);
  }
  return files;
}

void sort_by_key(std::vector<LockedFlag>& flags) {
  std::sort(flags.begin(), flags.end(),
            [](const LockedFlag& a, const LockedFlag& b) { return a.key < b.key; });
}

}  // namespace

Result<Lock> make_lock(const FlagSetInput& input, const std::optional<merkle::Hash>& base_root,
                       int64_t not_after) {
  if (!merkle::is_tenant_name(input.tenant))
    return fail("bad_tenant", "'" + input.tenant + "' is no tenant's name", {},
                "use 1 to 63 of a-z, 0-9 and '-'");
  if (not_after < 0 || not_after > kLastTime)
    return fail("bad_time", "a lock's end must be in the years 1970 to 9999");
  Lock lock;
  lock.tenant = input.tenant;
  lock.openings = input.secret.id();
  lock.not_after = not_after;
  lock.base_root = base_root;
  if (!input.metadata_json.empty())
    lock.metadata = merkle::make_leaf_hash(input.secret, merkle::LeafKind::kMetadata, input.tenant,
                                           "", input.metadata_json);
  Result<std::map<std::string, LockedFile>> files = files_of(input);
  if (!files) return std::unexpected(files.error());
  for (const FlagInput& flag : input.flags) {
    if (!is_line_text(flag.key))
      return fail("bad_key", "a flag's key is empty or has control characters", flag.file);
    LockedFlag locked{flag.key, merkle::make_leaf_hash(input.secret, merkle::LeafKind::kFlag,
                                                       input.tenant, flag.key, flag.json)};
    if (flag.file.empty()) {
      lock.loose_flags.push_back(std::move(locked));
      continue;
    }
    auto file = files->find(flag.file);
    if (file == files->end())
      return fail("unknown_file", "flag " + flag.key + " is of a file that is not locked",
                  flag.file);
    file->second.flags.push_back(std::move(locked));
  }
  sort_by_key(lock.loose_flags);
  for (auto& [path, file] : *files) {
    sort_by_key(file.flags);
    lock.files.push_back(std::move(file));
  }
  Result<merkle::Hash> root = root_of_leaves(lock);
  if (!root) return std::unexpected(root.error());
  lock.tenant_root = *root;
  return lock;
}

}  // namespace flagmesh::lockfile
