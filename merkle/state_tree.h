// The state tree: what a leaf is, for flags, for a flag set's metadata and for tenants. Two levels,
// both RFC 9162.
//
//   tenant root = root of the leaves of the tenant's flags sorted by the UTF-8 bytes of their keys;
//                 a flag set's metadata is the leaf before them (it sorts as the empty key)
//   state root  = root of the tenants' leaves sorted by the bytes of their names
//
//   leaf-data     = %x01 opening json
//   opening       = 32 bytes; zeros without a tenant secret, else
//                   HMAC-SHA256( tenant-secret, kind %x00 tenant %x00 key %x00 SHA-256( json ) )
//   kind          = "flag" / "metadata" / "tenant"     ; key is empty for the latter two
//   tenant-secret = HKDF-SHA256( secret: master, salt: "flagmesh/tenant-secret/v1",
//                                info: tenant )
//   json          = flag / metadata / tenant           ; canonical (RFC 8785)
//   flag          = canonical_flag                     ; control/flags/canonical_flag.h
//   metadata      = {"metadata":{...},"tenant":"..."}  ; no leaf when there is no metadata
//   tenant        = {"flags":N,"root":"64 hexadecimal digits","tenant":"..."}
//                                                      ; N: flags, without the metadata leaf
//
// The opening hides the value: who sees a leaf hash or a proof for a sibling cannot guess what flag
// is behind it without the tenant's secret. Who is shown opening and JSON can check the leaf
// without any secret.
//
// Free functions without state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

inline constexpr char kLeafVersion = 1;
// Bytes of one leaf's JSON, of a tenant's name, and the largest integer that JSON carries exactly.
inline constexpr size_t kLeafJsonBytes = 512 * 1024;
inline constexpr size_t kTenantNameBytes = 63;
inline constexpr uint64_t kMaxExactInteger = (uint64_t{1} << 53) - 1;

enum class LeafKind : uint8_t { kFlag, kMetadata, kTenant };

// A tenant's secret, or none (openings are zeros: nothing is hidden). Wiped when it goes.
class TenantSecret {
 public:
  TenantSecret() = default;  // none
  explicit TenantSecret(const Hash& secret) : secret_(secret) {}
  ~TenantSecret();
  TenantSecret(const TenantSecret&) = default;
  TenantSecret& operator=(const TenantSecret&) = default;

  // An empty master gives none.
  static TenantSecret derive(std::string_view master, std::string_view tenant);
  // The text in which one tenant's secret is exported: "flagmesh-tenant-secret:" and 64 hexadecimal
  // digits, surrounding white space allowed. Codes "bad_secret".
  static Result<TenantSecret> parse(std::string_view text);
  std::string text() const;  // REQUIRES: present()

  bool present() const { return secret_.has_value(); }
  // Eight hexadecimal digits that name the secret without telling anything about it; "none" without
  // one.
  std::string id() const;

  Hash opening(LeafKind kind, std::string_view tenant, std::string_view key,
               std::string_view json) const;

 private:
  std::optional<Hash> secret_;
};

// version || opening || json.
std::string leaf_data(const Hash& opening, std::string_view json);

// Views into the data given. Code "bad_leaf": version, length.
struct LeafParts {
  Hash opening;
  std::string_view json;
};
Result<LeafParts> parse_leaf(std::string_view data);

// Leaf data and its hash in one step, for the side that has the secret. hash == leaf_hash(data).
struct Leaf {
  std::string data;
  Hash hash;
};
Leaf make_leaf(const TenantSecret& secret, LeafKind kind, std::string_view tenant,
               std::string_view key, std::string_view json);
// Only the hash; nothing is copied.
Hash make_leaf_hash(const TenantSecret& secret, LeafKind kind, std::string_view tenant,
                    std::string_view key, std::string_view json);

// What the state tree says of one tenant.
struct TenantSummary {
  std::string tenant;
  uint64_t flags = 0;  // at most kMaxExactInteger
  Hash root;           // of the tenant's tree

  bool operator==(const TenantSummary&) const = default;
  std::string json() const;
  // Strict: parse(json)->json() == json. Code "bad_tenant".
  static Result<TenantSummary> parse(std::string_view json);
};

// A DNS label: 1 to 63 of [a-z0-9-], no hyphen first or last.
bool is_tenant_name(std::string_view name);

}  // namespace flagmesh::merkle
