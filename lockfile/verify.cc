#include "lockfile/verify.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lockfile/flag_index.h"

namespace flagmesh::lockfile {

namespace {

using Kind = Difference::Kind;

// Compares what was locked with what a lock of the present set would say.
class Comparison {
 public:
  Comparison(const Lock& locked, const Lock& present) : locked_(locked), present_(present) {}

  std::vector<Difference> run() {
    if (locked_.metadata != present_.metadata) add({Kind::kMetadata});
    compare_flags();
    compare_files();
    std::sort(differences_.begin(), differences_.end(), [](const auto& a, const auto& b) {
      return std::tie(a.file, a.key, a.kind) < std::tie(b.file, b.key, b.kind);
    });
    return std::move(differences_);
  }

 private:
  void add(Difference difference) { differences_.push_back(std::move(difference)); }

  void compare_flags() {
    const FlagIndex locked = index_flags(locked_), present = index_flags(present_);
    for (const auto& [key, flag] : present) {
      auto before = locked.find(key);
      if (before == locked.end()) {
        note(Kind::kFlagNotLocked, key, flag.file);
      } else if (before->second.leaf != flag.leaf) {
        note(Kind::kFlagDiffers, key, flag.file);
      } else if (before->second.file != flag.file) {
        note(Kind::kFlagMoved, key, flag.file);
        differences_.back().from = before->second.file;
        changed_files_.insert(std::string(before->second.file));
      }
    }
    for (const auto& [key, flag] : locked) {
      if (!present.contains(key)) note(Kind::kFlagMissing, key, flag.file);
    }
  }

  void note(Kind kind, std::string_view key, std::string_view file) {
    add({kind, std::string(file), std::string(key)});
    changed_files_.insert(std::string(file));
  }

  // A file whose bytes differ is named only when none of its flags was.
  void compare_files() {
    std::map<std::string, merkle::Hash> present;
    for (const LockedFile& file : present_.files) present[file.path] = file.sha256;
    for (const LockedFile& file : locked_.files) {
      auto now = present.find(file.path);
      if (now == present.end()) {
        add({Kind::kFileMissing, file.path});
        continue;
      }
      if (now->second != file.sha256 && !changed_files_.contains(file.path))
        add({Kind::kFileDiffers, file.path});
      present.erase(now);
    }
    for (const auto& [path, hash] : present) add({Kind::kFileNotLocked, path});
  }

  const Lock& locked_;
  const Lock& present_;
  std::vector<Difference> differences_;
  std::set<std::string> changed_files_;
};

}  // namespace

std::string Difference::message() const {
  const std::string flag = "flag " + flag_in_file(key, file);
  switch (kind) {
    case Kind::kFlagDiffers:
      return flag + " differs from the lock";
    case Kind::kFlagMissing:
      return flag + " is in the lock but not defined";
    case Kind::kFlagNotLocked:
      return flag + " is not in the lock";
    case Kind::kFlagMoved:
      return "flag " + key + " moved from " + (from.empty() ? "no file" : from) + " to " +
             (file.empty() ? "no file" : file);
    case Kind::kMetadata:
      return "the flag set's metadata differs from the lock";
    case Kind::kFileDiffers:
      return "file " + file + " has other bytes than the locked one, with the same flags";
    case Kind::kFileMissing:
      return "file " + file + " is in the lock but not here";
    case Kind::kFileNotLocked:
      break;
  }
  return "file " + file + " is not in the lock";
}

Result<std::vector<Difference>> verify(const Lock& lock, const FlagSetInput& input) {
  if (lock.tenant != input.tenant)
    return fail("wrong_tenant",
                "the lock is for tenant " + lock.tenant + ", the flags for " + input.tenant);
  if (lock.openings != input.secret.id())
    return fail(
        "wrong_secret",
        "the lock was made with tenant secret " + lock.openings + ", here is " + input.secret.id(),
        {}, "give the tenant secret that the lock was made with");
  Result<Lock> present = make_lock(input, lock.base_root, lock.not_after);
  if (!present) return std::unexpected(present.error());
  return Comparison(lock, *present).run();
}

}  // namespace flagmesh::lockfile
