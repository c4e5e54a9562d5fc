#include "merkle/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

// SHA-256 without the library's fetch and without an allocation per hash: the algorithm is fetched
// once for the process, the context made once for each thread. Nothing here can fail on a working
// OpenSSL, and without SHA-256 nothing that this program promises can be kept, so a failure ends
// it.
class Digest {
 public:
  static Digest& of_this_thread() {
    thread_local Digest digest;
    return digest;
  }

  void begin() { must(EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr)); }
  void add(const void* data, size_t size) { must(EVP_DigestUpdate(context_.get(), data, size)); }
  void add(std::string_view data) { add(data.data(), data.size()); }
  Hash end() {
    Hash hash;
    must(EVP_DigestFinal_ex(context_.get(), hash.bytes.data(), nullptr));
    return hash;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  Digest() : context_(EVP_MD_CTX_new()) { must(context_ != nullptr); }

  static void must(int ok) {
    if (ok != 1) std::abort();
  }
  // Never freed: threads may hash until the process ends.
  static const EVP_MD* algorithm() {
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    must(kSha256 != nullptr);
    return kSha256;
  }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

constexpr size_t kBlockBytes = 64;  // of SHA-256, for HMAC

constexpr uint8_t kLeafPrefix = 0x00;
constexpr uint8_t kNodePrefix = 0x01;

}  // namespace

std::string Hash::hex() const {
  return hex_encode(view());
}
std::string Hash::base64() const {
  return base64_encode(view());
}

Result<Hash> Hash::from_bytes(std::string_view bytes) {
  if (bytes.size() != kSize) return fail("bad_hash", "a hash that is not 32 bytes long");
  Hash hash;
  std::memcpy(hash.bytes.data(), bytes.data(), kSize);
  return hash;
}

Result<Hash> Hash::from_hex(std::string_view text) {
  if (text.size() != 2 * kSize) return fail("bad_hash", "a hash that is not 64 digits long");
  Result<std::string> bytes = hex_decode(text);
  if (!bytes) return std::unexpected(bytes.error());
  return from_bytes(*bytes);
}

Result<Hash> Hash::from_base64(std::string_view text) {
  if (text.size() != 44) return fail("bad_hash", "a hash that is not 44 base64 letters long");
  Result<std::string> bytes = base64_decode(text);
  if (!bytes) return std::unexpected(bytes.error());
  return from_bytes(*bytes);
}

Hash sha256(std::string_view data) {
  return sha256(std::span(&data, 1));
}

Hash sha256(std::span<const std::string_view> parts) {
  Digest& digest = Digest::of_this_thread();
  digest.begin();
  for (std::string_view part : parts) digest.add(part);
  return digest.end();
}

Hash leaf_hash(std::string_view data) {
  return leaf_hash(data, {});
}

Hash leaf_hash(std::string_view head, std::string_view tail) {
  Digest& digest = Digest::of_this_thread();
  digest.begin();
  digest.add(&kLeafPrefix, 1);
  digest.add(head);
  digest.add(tail);
  return digest.end();
}

Hash node_hash(const Hash& left, const Hash& right) {
  uint8_t input[1 + 2 * Hash::kSize];
  input[0] = kNodePrefix;
  std::memcpy(input + 1, left.bytes.data(), Hash::kSize);
  std::memcpy(input + 1 + Hash::kSize, right.bytes.data(), Hash::kSize);
  Digest& digest = Digest::of_this_thread();
  digest.begin();
  digest.add(input, sizeof input);
  return digest.end();
}

const Hash& empty_root() {
  static const Hash kEmptyRoot = sha256(std::string_view{});
  return kEmptyRoot;
}

Hash hmac_sha256(std::string_view key, std::string_view data) {
  return hmac_sha256(key, std::span(&data, 1));
}

// RFC 2104 over the digest above: no MAC context to fetch and free for each of 100,000 openings.
Hash hmac_sha256(std::string_view key, std::span<const std::string_view> parts) {
  std::array<uint8_t, kBlockBytes> block{};
  if (key.size() > kBlockBytes) {
    Hash hashed = sha256(key);
    std::memcpy(block.data(), hashed.bytes.data(), Hash::kSize);
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  Digest& digest = Digest::of_this_thread();
  for (uint8_t& byte : block) byte ^= 0x36;
  digest.begin();
  digest.add(block.data(), block.size());
  for (std::string_view part : parts) digest.add(part);
  Hash inner = digest.end();

  for (uint8_t& byte : block) byte ^= 0x36 ^ 0x5C;
  digest.begin();
  digest.add(block.data(), block.size());
  digest.add(inner.view());
  Hash outer = digest.end();
  OPENSSL_cleanse(block.data(), block.size());
  return outer;
}

Hash hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info) {
  Hash extracted = hmac_sha256(salt, secret);
  std::string_view parts[] = {info, std::string_view("\x01", 1)};
  Hash expanded = hmac_sha256(extracted.view(), parts);
  OPENSSL_cleanse(extracted.bytes.data(), Hash::kSize);
  return expanded;
}

Result<std::string> random_bytes(size_t count) {
  std::string bytes(count, '\0');
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    return fail("no_randomness", "the system gives no random bytes");
  return bytes;
}

}  // namespace flagmesh::merkle
