// Keys of signed notes: verifier keys (public) and signing keys (private), as text that stock tools
// read.
//
//   verifier-key = name "+" key-id "+" base64( type public-key )       ; C2SP signed-note
//   signing-key  = "PRIVATE+KEY+" name "+" key-id "+" base64( type seed )     ; Go sumdb/note
//   key-id       = 8 lower-case hexadecimal digits
//   type         = %x01                                ; Ed25519
//                / %x04                                ; cosignature/v1
//                / %xFF "flagmesh/approval/v1" LF      ; approval
//   public-key, seed = 32 bytes (RFC 8032)
//
// What an Ed25519 signature covers, by type:
//
//   Ed25519         text
//   cosignature/v1  "cosignature/v1" LF "time " seconds LF text
//   approval        "flagmesh/approval/v1" LF text
//
// So the signature of a key in one role never stands for another role, even if a seed were used
// twice.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

enum class SignatureType : uint8_t {
  kEd25519,        // the engine's signature on checkpoints; commands
  kCosignatureV1,  // validators' and witnesses' cosignatures; heartbeats
  kApproval,       // approvers of lock files
};

// "ed25519", "cosignature", "approval".
std::string_view to_string(SignatureType type);

// Not empty, UTF-8, no Unicode space, no control character, no "+", at most 255 bytes.
bool is_key_name(std::string_view name);

// A public key with its name. A plain value; any thread.
class VerifierKey {
 public:
  // Strict; the key id must be the one that name, type and key give. Code "bad_key".
  static Result<VerifierKey> parse(std::string_view text);
  // REQUIRES: is_key_name(name).
  VerifierKey(std::string name, SignatureType type, const Hash& public_key);

  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  SignatureType type() const { return type_; }
  // The 32 bytes of the Ed25519 key: what "one public key, one role" compares.
  const Hash& public_key() const { return public_key_; }
  std::string text() const;

  // The same name and public key for another type of signature, with the id that this gives. The
  // engine's heartbeat is such a cosignature: routers pin its Ed25519 key and derive this one.
  VerifierKey with_type(SignatureType type) const { return {name_, type, public_key_}; }

  bool operator==(const VerifierKey&) const = default;

  // Checks the bytes of a signature line over `text`. On success the time that a cosignature
  // states, else 0. Code "bad_signature".
  Result<int64_t> verify(std::string_view text, std::string_view signature) const;

 private:
  std::string name_;
  SignatureType type_;
  Hash public_key_;
  uint32_t id_;
};

// "One public key, one role": no two of the keys, of whatever role, name or type, share a public
// key. Code "duplicate_key"; the message names both.
Status check_distinct(std::span<const VerifierKey> keys);

// A private key. Move-only; the seed is wiped when it goes. Any thread may sign with a const one.
class SigningKey {
 public:
  // Codes "bad_key" (name), "no_randomness".
  static Result<SigningKey> generate(std::string_view name, SignatureType type);
  // Surrounding white space is allowed, as a file has a final newline. Code "bad_key".
  static Result<SigningKey> parse(std::string_view text);
  // For tests and derived keys. REQUIRES: is_key_name(name). Code "bad_key" if OpenSSL refuses.
  static Result<SigningKey> from_seed(std::string_view name, SignatureType type, const Hash& seed);

  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) noexcept;
  ~SigningKey();

  const VerifierKey& verifier() const { return verifier_; }
  // As VerifierKey::with_type.
  SigningKey with_type(SignatureType type) const { return {verifier_.with_type(type), seed_}; }
  // The private key's text. Show it to nobody; write it with write_secret_file.
  std::string text() const;

  // The bytes of a signature line. `unix_seconds` as in sign_text (note.h). Code "sign_failed".
  Result<std::string> sign(std::string_view text, int64_t unix_seconds) const;

 private:
  SigningKey(VerifierKey verifier, const Hash& seed);

  VerifierKey verifier_;
  Hash seed_;
};

}  // namespace flagmesh::merkle
