// The state tree: what a leaf is, for flags, for a flag set's metadata and for tenants. Two levels,
// both RFC 9162.
//
//   tenant root = root of the leaves of the tenant's flags sorted by the UTF-8 bytes of their keys;
//   before them, if the
//                 flag set has metadata, its leaf (it sorts as the empty key, which no flag has)
//   state root  = root of the tenants' leaves sorted by the bytes of their names
//
//   leaf-data     = version opening json
//   version       = %x01
//   opening       = 32 bytes: HMAC-SHA256( tenant-secret, kind 0 tenant 0 key 0 SHA-256(json) ), or
//   zeros without a secret kind          = "flag" / "metadata" / "tenant"            ; key is empty
//   for "metadata" and "tenant" tenant-secret = HKDF-SHA256( secret = master, salt =
//   "flagmesh/tenant-secret/v1", info = tenant ) json          = canonical JSON (RFC 8785):
//     flag      the flag's, with members "key" and "tenant" (control/flags/canonical_json.h)
//     metadata  {"metadata":{...},"tenant":"..."}             ; absent rather than with an empty
//     object tenant    {"flags":N,"root":"64 hexadecimal digits","tenant":"..."}     ; N counts
//     flags, not the metadata leaf
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
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/hash.h"
#include "merkle/tree.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

inline constexpr char kLeafVersion = 1;
// Bytes of one leaf's JSON, of a tenant's name, and the largest integer that JSON carries exactly.
inline constexpr size_t kLeafJsonBytes = 1024 * 1024;
inline constexpr size_t kTenantNameBytes = 255;
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

// {"metadata":<metadata>,"tenant":"<tenant>"}. REQUIRES: `metadata` is a canonical, non-empty JSON
// object.
std::string metadata_json(std::string_view tenant, std::string_view metadata);

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

// Not empty, at most kTenantNameBytes of UTF-8 without control characters.
bool is_tenant_name(std::string_view name);

// A JSON string as RFC 8785 section 3.2.2.2 writes it, quotes included. REQUIRES: UTF-8.
std::string json_string(std::string_view text);
// The reverse, of one whole string; only the canonical spelling is accepted. Code
// "bad_json_string".
Result<std::string> parse_json_string(std::string_view text);

}  // namespace flagmesh::merkle
