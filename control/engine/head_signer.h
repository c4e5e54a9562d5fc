// The engine's pen: signs checkpoints and heartbeats, and collects what validators sign.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/head_verifier.h"
#include "merkle/note.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

// A value; one thread.
class HeadSigner {
 public:
  // No key: policy unsigned; heads are bare checkpoint texts.
  explicit HeadSigner(std::optional<merkle::SigningKey> key);

  bool signs() const { return key_.has_value(); }

  // A head for the checkpoint: signed, with the engine's own cosignature of this time. Codes of
  // merkle::sign_text.
  Result<std::string> sign(const std::string& checkpoint, int64_t unix_seconds) const;
  // A text that is no checkpoint, signed; no cosignature. REQUIRES: signs().
  Result<std::string> claim(const std::string& text) const;
  // The head with a cosignature of this time. Also "bad_note".
  Result<std::string> renew(const std::string& head, int64_t unix_seconds) const;

 private:
  std::optional<merkle::SigningKey> key_;
  std::optional<merkle::SigningKey> heartbeat_;  // key_ as kCosignatureV1
};

// The head with those lines that are right cosignatures of it by one of the keys and newer than
// what it has. Anything else is left out: nobody is trusted with what comes over a carrier. Code
// "bad_note".
Result<std::string> add_cosignatures(const std::string& head, std::span<const std::string> lines,
                                     std::span<const merkle::VerifierKey> validators);

}  // namespace flagmesh::engine
