#include "merkle/signature_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>
#include <memory>
#include <unordered_map>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

constexpr std::string_view kSigningKeyPrefix = "PRIVATE+KEY+";
constexpr std::string_view kCosignatureHeader = "cosignature/v1\n";
constexpr std::string_view kApprovalHeader = "flagmesh/approval/v1\n";
constexpr size_t kSignatureBytes = 64;
constexpr size_t kTimestampBytes = 8;
constexpr size_t kNameBytes = 255;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// How a type is written in a key, and in what its id is computed from.
std::string type_bytes(SignatureType type) {
  switch (type) {
    case SignatureType::kEd25519:
      return "\x01";
    case SignatureType::kCosignatureV1:
      return "\x04";
    case SignatureType::kApproval:
      break;
  }
  return "\xFF" + std::string(kApprovalHeader);
}

uint32_t id_of(std::string_view name, SignatureType type, const Hash& public_key) {
  const std::string type_text = type_bytes(type);
  const std::string_view parts[] = {name, "\n", type_text, public_key.view()};
  return read_u32(sha256(parts).view());
}

// What Ed25519 signs.
std::string message_of(std::string_view text, SignatureType type, uint64_t unix_seconds) {
  std::string message;
  switch (type) {
    case SignatureType::kEd25519:
      break;
    case SignatureType::kCosignatureV1:
      message = std::string(kCosignatureHeader) + "time " + std::to_string(unix_seconds) + '\n';
      break;
    case SignatureType::kApproval:
      message = kApprovalHeader;
      break;
  }
  return message += text;
}

Result<Hash> public_key_of(const Hash& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.bytes.data(), Hash::kSize));
  Hash public_key;
  size_t size = Hash::kSize;
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), public_key.bytes.data(), &size) != 1)
    return fail("bad_key", "OpenSSL refuses the Ed25519 seed");
  return public_key;
}

struct KeyParts {
  std::string_view name;
  uint32_t id;
  SignatureType type;
  Hash key;  // public key or seed
};

// name "+" key-id "+" base64( type key ). The base64 may itself contain "+".
Result<KeyParts> split_key(std::string_view text) {
  const auto refuse = [](std::string why) { return fail("bad_key", "a key " + std::move(why)); };
  size_t first = text.find('+');
  size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return refuse("that is not name+id+base64");
  KeyParts parts;
  parts.name = text.substr(0, first);
  if (!is_key_name(parts.name)) return refuse("whose name is empty or has blanks");
  Result<std::string> id = hex_decode(text.substr(first + 1, second - first - 1));
  if (!id || id->size() != 4) return refuse("whose id is not 8 lower-case hexadecimal digits");
  parts.id = read_u32(*id);

  Result<std::string> material = base64_decode(text.substr(second + 1));
  if (!material) return refuse("with bad base64");
  for (SignatureType type :
       {SignatureType::kEd25519, SignatureType::kCosignatureV1, SignatureType::kApproval}) {
    std::string prefix = type_bytes(type);
    if (!material->starts_with(prefix)) continue;
    Result<Hash> key = Hash::from_bytes(std::string_view(*material).substr(prefix.size()));
    OPENSSL_cleanse(material->data(), material->size());
    if (!key) return refuse("that is not 32 bytes long");
    parts.type = type;
    parts.key = *key;
    return parts;
  }
  return refuse("of an unknown type");
}

std::string join_key(std::string_view name, uint32_t id, SignatureType type, const Hash& key) {
  std::string id_bytes;
  append_u32(id_bytes, id);
  std::string material = type_bytes(type) + std::string(key.view());
  std::string text = std::string(name) + '+' + hex_encode(id_bytes) + '+' + base64_encode(material);
  OPENSSL_cleanse(material.data(), material.size());
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

// White_Space of Unicode, as UTF-8, without the ASCII ones.
constexpr std::string_view kUnicodeSpaces[] = {"\u0085", "\u00A0", "\u1680", "\u2000", "\u2001",
                                               "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                               "\u2007", "\u2008", "\u2009", "\u200A", "\u2028",
                                               "\u2029", "\u202F", "\u205F", "\u3000"};

}  // namespace

std::string_view to_string(SignatureType type) {
  switch (type) {
    case SignatureType::kEd25519:
      return "ed25519";
    case SignatureType::kCosignatureV1:
      return "cosignature";
    case SignatureType::kApproval:
      break;
  }
  return "approval";
}

bool is_key_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytes || !is_utf8(name)) return false;
  for (char c : name) {
    if (static_cast<uint8_t>(c) <= ' ' || c == '+' || c == 0x7F) return false;
  }
  for (std::string_view space : kUnicodeSpaces) {
    if (name.find(space) != std::string_view::npos) return false;
  }
  return true;
}

VerifierKey::VerifierKey(std::string name, SignatureType type, const Hash& public_key)
    : name_(std::move(name)),
      type_(type),
      public_key_(public_key),
      id_(id_of(name_, type, public_key)) {}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  if (text.starts_with(kSigningKeyPrefix))
    return fail("bad_key", "a private key where a verifier key belongs", {},
                "give the verifier key that keygen printed, and keep the private one secret");
  Result<KeyParts> parts = split_key(text);
  if (!parts) return std::unexpected(parts.error());
  VerifierKey key(std::string(parts->name), parts->type, parts->key);
  if (key.id() != parts->id) return fail("bad_key", "a key whose id is not its own");
  return key;
}

std::string VerifierKey::text() const {
  return join_key(name_, id_, type_, public_key_);
}

Result<int64_t> VerifierKey::verify(std::string_view text, std::string_view signature) const {
  const auto refuse = [this] {
    return fail("bad_signature", "the signature of '" + name_ + "' is wrong");
  };
  const bool timed = type_ == SignatureType::kCosignatureV1;
  if (signature.size() != kSignatureBytes + (timed ? kTimestampBytes : 0)) return refuse();
  uint64_t unix_seconds = timed ? read_u64(signature) : 0;
  if (unix_seconds > INT64_MAX) return refuse();
  if (timed) signature.remove_prefix(kTimestampBytes);

  Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key_.bytes.data(),
                                      Hash::kSize));
  Context context(EVP_MD_CTX_new());
  const std::string message = message_of(text, type_, unix_seconds);
  if (!key || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                       message.size()) != 1)
    return refuse();
  return static_cast<int64_t>(unix_seconds);
}

Status check_distinct(std::span<const VerifierKey> keys) {
  std::unordered_map<Hash, const VerifierKey*> seen;
  for (const VerifierKey& key : keys) {
    auto [at, added] = seen.emplace(key.public_key(), &key);
    if (!added)
      return fail("duplicate_key",
                  "'" + at->second->text() + "' and '" + key.text() + "' are one public key", {},
                  "make a key for each role with flagmesh keygen");
  }
  return {};
}

SigningKey::SigningKey(VerifierKey verifier, const Hash& seed)
    : verifier_(std::move(verifier)), seed_(seed) {}

SigningKey::SigningKey(SigningKey&& other) noexcept
    : verifier_(std::move(other.verifier_)), seed_(other.seed_) {
  OPENSSL_cleanse(other.seed_.bytes.data(), Hash::kSize);
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  if (this == &other) return *this;
  verifier_ = std::move(other.verifier_);
  seed_ = other.seed_;
  OPENSSL_cleanse(other.seed_.bytes.data(), Hash::kSize);
  return *this;
}

SigningKey::~SigningKey() {
  OPENSSL_cleanse(seed_.bytes.data(), Hash::kSize);
}

Result<SigningKey> SigningKey::generate(std::string_view name, SignatureType type) {
  Result<std::string> random = random_bytes(Hash::kSize);
  if (!random) return std::unexpected(random.error());
  Result<SigningKey> key = from_seed(name, type, *Hash::from_bytes(*random));
  OPENSSL_cleanse(random->data(), random->size());
  return key;
}

Result<SigningKey> SigningKey::from_seed(std::string_view name, SignatureType type,
                                         const Hash& seed) {
  if (!is_key_name(name))
    return fail("bad_key", "a key name that is empty, too long or has blanks or '+'");
  Result<Hash> public_key = public_key_of(seed);
  if (!public_key) return std::unexpected(public_key.error());
  return SigningKey(VerifierKey(std::string(name), type, *public_key), seed);
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  text = trim(text);
  if (!text.starts_with(kSigningKeyPrefix))
    return fail("bad_key", "a private key that does not begin with PRIVATE+KEY+");
  Result<KeyParts> parts = split_key(text.substr(kSigningKeyPrefix.size()));
  if (!parts) return std::unexpected(parts.error());
  Result<SigningKey> key = from_seed(parts->name, parts->type, parts->key);
  OPENSSL_cleanse(parts->key.bytes.data(), Hash::kSize);
  if (key && key->verifier().id() != parts->id)
    return fail("bad_key", "a private key whose id is not its own");
  return key;
}

std::string SigningKey::text() const {
  return std::string(kSigningKeyPrefix) +
         join_key(verifier_.name(), verifier_.id(), verifier_.type(), seed_);
}

Result<std::string> SigningKey::sign(std::string_view text, int64_t unix_seconds) const {
  const auto refuse = [](std::string why) { return fail("sign_failed", std::move(why)); };
  if (unix_seconds < 0) return refuse("a time before 1970");
  const uint64_t time = static_cast<uint64_t>(unix_seconds);
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed_.bytes.data(), Hash::kSize));
  Context context(EVP_MD_CTX_new());
  const std::string message = message_of(text, verifier_.type(), time);
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                     bytes_of(message), message.size()) != 1 ||
      size != kSignatureBytes)
    return refuse("OpenSSL does not sign");
  if (verifier_.type() != SignatureType::kCosignatureV1) return signature;
  std::string timed;
  append_u64(timed, time);
  return timed + signature;
}

}  // namespace flagmesh::merkle
