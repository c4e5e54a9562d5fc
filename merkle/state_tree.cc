#include "merkle/state_tree.h"

#include <openssl/crypto.h>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kSalt = "flagmesh/tenant-secret/v1";
constexpr std::string_view kIdLabel = "flagmesh/tenant-secret-id/v1";
constexpr std::string_view kTextPrefix = "flagmesh-tenant-secret:";
constexpr std::string_view kZero("\0", 1);

std::string_view to_string(LeafKind kind) {
  switch (kind) {
    case LeafKind::kFlag:
      return "flag";
    case LeafKind::kMetadata:
      return "metadata";
    case LeafKind::kTenant:
      break;
  }
  return "tenant";
}

std::string leaf_head(const Hash& opening) {
  return std::string(1, kLeafVersion).append(opening.view());
}

// Takes `expected` off the front of the text.
bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

}  // namespace

TenantSecret::~TenantSecret() {
  if (secret_) OPENSSL_cleanse(secret_->bytes.data(), Hash::kSize);
}

TenantSecret TenantSecret::derive(std::string_view master, std::string_view tenant) {
  return master.empty() ? TenantSecret() : TenantSecret(hkdf_sha256(master, kSalt, tenant));
}

Result<TenantSecret> TenantSecret::parse(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  while (!text.empty() && kBlanks.contains(text.front())) text.remove_prefix(1);
  while (!text.empty() && kBlanks.contains(text.back())) text.remove_suffix(1);
  if (!take(text, kTextPrefix))
    return fail("bad_secret",
                "a tenant secret that does not begin with '" + std::string(kTextPrefix) + "'");
  Result<Hash> secret = Hash::from_hex(text);
  if (!secret) return fail("bad_secret", "a tenant secret that is not 64 hexadecimal digits");
  return TenantSecret(*secret);
}

std::string TenantSecret::text() const {
  return std::string(kTextPrefix) + secret_->hex();
}

std::string TenantSecret::id() const {
  return secret_ ? hmac_sha256(secret_->view(), kIdLabel).hex().substr(0, 8) : "none";
}

Hash TenantSecret::opening(LeafKind kind, std::string_view tenant, std::string_view key,
                           std::string_view json) const {
  if (!secret_) return {};
  const Hash json_hash = sha256(json);
  const std::string_view parts[] = {to_string(kind), kZero,           tenant, kZero, key,
                                    kZero,           json_hash.view()};
  return hmac_sha256(secret_->view(), parts);
}

std::string leaf_data(const Hash& opening, std::string_view json) {
  return leaf_head(opening).append(json);
}

Result<LeafParts> parse_leaf(std::string_view data) {
  constexpr size_t kHeadBytes = 1 + Hash::kSize;
  if (data.size() <= kHeadBytes) return fail("bad_leaf", "a leaf that is too short");
  if (data.size() > kHeadBytes + kLeafJsonBytes) return fail("bad_leaf", "a leaf that is too long");
  if (data[0] != kLeafVersion) return fail("bad_leaf", "a leaf of an unknown version");
  return LeafParts{*Hash::from_bytes(data.substr(1, Hash::kSize)), data.substr(kHeadBytes)};
}

Leaf make_leaf(const TenantSecret& secret, LeafKind kind, std::string_view tenant,
               std::string_view key, std::string_view json) {
  Leaf leaf;
  leaf.data = leaf_data(secret.opening(kind, tenant, key, json), json);
  leaf.hash = leaf_hash(leaf.data);
  return leaf;
}

Hash make_leaf_hash(const TenantSecret& secret, LeafKind kind, std::string_view tenant,
                    std::string_view key, std::string_view json) {
  return leaf_hash(leaf_head(secret.opening(kind, tenant, key, json)), json);
}

std::string TenantSummary::json() const {
  return "{\"flags\":" + std::to_string(flags) + ",\"root\":\"" + root.hex() + "\",\"tenant\":\"" +
         tenant + "\"}";
}

Result<TenantSummary> TenantSummary::parse(std::string_view json) {
  const auto refuse = [](const char* why) { return fail("bad_tenant", why); };
  TenantSummary summary;
  if (!take(json, "{\"flags\":")) return refuse("a tenant leaf without its flag count");
  size_t digits = json.find(',');
  Result<uint64_t> flags = parse_decimal(json.substr(0, digits));
  if (!flags || *flags > kMaxExactInteger) return refuse("a tenant leaf with a bad flag count");
  summary.flags = *flags;
  json.remove_prefix(digits == std::string_view::npos ? json.size() : digits);

  if (!take(json, ",\"root\":\"")) return refuse("a tenant leaf without its root");
  Result<Hash> root = Hash::from_hex(json.substr(0, 2 * Hash::kSize));
  if (!root) return refuse("a tenant leaf with a bad root");
  summary.root = *root;
  json.remove_prefix(2 * Hash::kSize);

  if (!take(json, "\",\"tenant\":\"")) return refuse("a tenant leaf without its tenant");
  if (!json.ends_with("\"}")) return refuse("a tenant leaf that does not end");
  summary.tenant = json.substr(0, json.size() - 2);
  if (!is_tenant_name(summary.tenant)) return refuse("a tenant leaf with a bad name");
  return summary;
}

bool is_tenant_name(std::string_view name) {
  if (name.empty() || name.size() > kTenantNameBytes) return false;
  for (char c : name) {
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return name.front() != '-' && name.back() != '-';
}

}  // namespace flagmesh::merkle
