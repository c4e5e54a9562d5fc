#include "control/snapshot/route.h"

#include <algorithm>
#include <string_view>

namespace flagmesh::snapshot {
namespace {

// Length first, so that no two lists have the same text.
void append(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

template <class T>
std::vector<T> as_set(std::vector<T> list) {
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

}  // namespace

ContainerIndex Route::pick_split(uint32_t random) const {
  // The product's upper half is uniform over [0, total) without a division.
  const uint64_t point = (uint64_t{random} * split_total()) >> 32;
  for (const WeightedContainer& part : split) {
    if (point < part.cumulative) return part.container;
  }
  return split.back().container;
}

std::vector<std::string> match_keys(const Route& route) {
  std::string_view path = route.path;
  while (route.path_match == PathMatch::kPrefix && path.ends_with('/')) path.remove_suffix(1);
  std::string tail = std::to_string(static_cast<int>(route.path_match));
  append(tail, path);
  for (const std::string& method : as_set(route.methods)) append(tail, method);
  tail += '/';
  for (const HeaderMatch& header : as_set(route.headers)) {
    append(tail, header.name);
    append(tail, header.value);
  }
  std::vector<std::string> keys;
  for (const std::string& host : as_set(route.hosts)) keys.push_back(host + ' ' + tail);
  if (keys.empty()) keys.push_back(' ' + tail);
  return keys;
}

}  // namespace flagmesh::snapshot
