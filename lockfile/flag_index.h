// The flags of a lock by key, with their files: what verify and diff compare.
#pragma once

#include <map>
#include <string_view>

#include "lockfile/lock_file.h"

namespace flagmesh::lockfile {

struct PlacedFlag {
  merkle::Hash leaf;
  std::string_view file;  // empty: none
};

// Views into the lock, which must outlive it.
using FlagIndex = std::map<std::string_view, PlacedFlag>;
FlagIndex index_flags(const Lock& lock);

// The text that names a flag with its file: "checkout in flags/shop.yaml".
std::string flag_in_file(std::string_view key, std::string_view file);

}  // namespace flagmesh::lockfile
