// Names of keys and channels (redis_carrier.h has the list). Internal to control/redis.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/hash.h"

namespace flagmesh::redis {

class Keys {
 public:
  explicit Keys(const std::string& prefix) : tag_("{" + prefix + "}:"), channel_(prefix + ":") {}

  std::string head() const { return tag_ + "head"; }
  std::string reserved() const { return tag_ + "reserved"; }
  std::string candidate() const { return tag_ + "candidate"; }
  std::string cosignatures(uint64_t size) const {
    return tag_ + "cosignatures:" + std::to_string(size);
  }
  std::string tenants(const merkle::Hash& root) const { return tag_ + "tenants:" + root.hex(); }
  std::string tile(uint64_t index) const { return tag_ + "tile:0:" + std::to_string(index); }
  std::string deltas(const std::string& tenant) const { return of(tenant) + "deltas"; }
  std::string manifest(const std::string& tenant, const merkle::Hash& root) const {
    return of(tenant) + "manifest:" + root.hex();
  }
  std::string chunk(const std::string& tenant, const merkle::Hash& hash) const {
    return of(tenant) + "chunk:" + hash.hex();
  }

  std::string routers(const std::string& tenant) const { return of(tenant) + "routers"; }
  std::string router(const std::string& tenant, const std::string& id) const {
    return of(tenant) + "router:" + id;
  }

  // What heads name, chunks, manifests and lists of tenants, for SCAN; and whether a key is one.
  std::string pattern_of_parts() const { return tag_ + "tenant*"; }
  bool is_part(std::string_view key) const {
    if (!key.starts_with(tag_)) return false;
    key.remove_prefix(tag_.size());
    if (key.starts_with("tenants:")) return true;
    if (!key.starts_with("tenant:")) return false;
    key.remove_prefix(7);
    const size_t end = key.find(':');
    if (end == key.npos) return false;
    key.remove_prefix(end + 1);
    return key.starts_with("chunk:") || key.starts_with("manifest:");
  }

  // "epochs", "candidates", "cosignatures", "commands", "replies".
  std::string channel(const std::string& name) const { return channel_ + name; }

 private:
  std::string of(const std::string& tenant) const { return tag_ + "tenant:" + tenant + ":"; }

  std::string tag_;
  std::string channel_;
};

}  // namespace flagmesh::redis
