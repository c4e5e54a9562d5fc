// A small set of flags with two files, and its lock.
#pragma once

#include <string>

#include "lockfile/make_lock.h"
#include "merkle/hash.h"

namespace flagmesh::lockfile {

inline constexpr int64_t kSampleEnd = 1796083200;  // 2026-12-01T00:00:00Z

inline std::string sample_json(const std::string& key, int weight) {
  return R"({"bucketing":"flagd-v2","defaultVariant":"off","key":")" + key +
         R"(","state":"ENABLED","targeting":{"fractional":[["on",)" + std::to_string(weight) +
         R"(],["off",75]]},"tenant":"default","variants":{"off":false,"on":true}})";
}

inline FlagSetInput sample_set() {
  FlagSetInput set;
  set.tenant = "default";
  set.flags = {{"checkout", sample_json("checkout", 25), "flags/shop.yaml"},
               {"search", sample_json("search", 5), "flags/shop.yaml"},
               {"banner", sample_json("banner", 1), "flags/ads.yaml"}};
  set.metadata_json = R"({"metadata":{"owner":"shop"},"tenant":"default"})";
  set.files = {{"flags/shop.yaml", merkle::sha256("shop")},
               {"flags/ads.yaml", merkle::sha256("ads")}};
  return set;
}

inline Lock sample_lock() {
  return make_lock(sample_set(), merkle::sha256("base"), kSampleEnd).value();
}

}  // namespace flagmesh::lockfile
