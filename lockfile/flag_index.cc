#include "lockfile/flag_index.h"

namespace flagmesh::lockfile {

FlagIndex index_flags(const Lock& lock) {
  FlagIndex index;
  for (const LockedFlag& flag : lock.loose_flags) index[flag.key] = {flag.leaf, {}};
  for (const LockedFile& file : lock.files) {
    for (const LockedFlag& flag : file.flags) index[flag.key] = {flag.leaf, file.path};
  }
  return index;
}

std::string flag_in_file(std::string_view key, std::string_view file) {
  std::string text(key);
  return file.empty() ? text : text + " in " + std::string(file);
}

}  // namespace flagmesh::lockfile
