#include "control/snapshot/route.h"

#include <algorithm>

namespace flagmesh::snapshot {
namespace {

std::string_view prefix_without_slash(const Route& route) {
  std::string_view path = route.path;
  while (route.path_match == PathMatch::kPrefix && path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return path;
}

template <class T>
bool same_set(std::vector<T> a, std::vector<T> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  a.erase(std::ranges::unique(a).begin(), a.end());
  b.erase(std::ranges::unique(b).begin(), b.end());
  return a == b;
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

bool same_match(const Route& a, const Route& b) {
  return a.path_match == b.path_match && prefix_without_slash(a) == prefix_without_slash(b) &&
         same_set(a.hosts, b.hosts) && same_set(a.methods, b.methods) &&
         same_set(a.headers, b.headers);
}

}  // namespace flagmesh::snapshot
