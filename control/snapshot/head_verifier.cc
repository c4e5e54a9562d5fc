#include "control/snapshot/head_verifier.h"

#include <algorithm>
#include <utility>

namespace flagmesh::snapshot {

using merkle::SignatureType;

Result<HeadVerifier> HeadVerifier::create(TrustRules rules) {
  HeadVerifier verifier(std::move(rules));
  const TrustRules& given = verifier.rules_;
  if (given.policy == TrustPolicy::kUnsigned) return verifier;
  if (given.origin.empty()) return fail("bad_trust", "trust.origin is not set");
  uint32_t engines = 0;
  for (const merkle::VerifierKey& key : given.engine_keys) {
    const bool signs = key.type() == SignatureType::kEd25519;
    if (!signs && key.type() != SignatureType::kCosignatureV1) {
      return fail("bad_trust",
                  "an engine's key is of type " + std::string(merkle::to_string(key.type())),
                  key.name());
    }
    engines += signs ? 1 : 0;
    if (Status added = verifier.add(key, signs ? Role::kEngine : Role::kHeartbeat); !added) {
      return std::unexpected(added.error());
    }
  }
  for (const merkle::VerifierKey& key : given.validator_keys) {
    if (key.type() != SignatureType::kCosignatureV1) {
      return fail("bad_trust",
                  "a validator's key is of type " + std::string(merkle::to_string(key.type())),
                  key.name());
    }
    if (Status added = verifier.add(key, Role::kValidator); !added) {
      return std::unexpected(added.error());
    }
  }
  if (given.require_engine + given.require_validator == 0) {
    return fail("bad_trust", "trust.require asks for no signature at all", "trust.require",
                "ask for one engine, or set trust.policy to unsigned");
  }
  if (given.require_engine > engines || given.require_validator > given.validator_keys.size()) {
    return fail("bad_trust", "trust.require asks for more signatures than there are keys",
                "trust.require");
  }
  // The heartbeat form of each engine key: same name, same public key.
  for (const merkle::VerifierKey& key : given.engine_keys) {
    if (key.type() != SignatureType::kEd25519) continue;
    verifier.keys_.emplace_back(key.name(), SignatureType::kCosignatureV1, key.public_key());
    verifier.roles_.push_back(Role::kHeartbeat);
  }
  return verifier;
}

Status HeadVerifier::add(const merkle::VerifierKey& key, Role role) {
  const bool known = std::any_of(keys_.begin(), keys_.end(), [&](const merkle::VerifierKey& other) {
    return other.public_key() == key.public_key();
  });
  if (known) {
    return fail("bad_trust", "a public key is pinned twice; one key has one role", key.name());
  }
  keys_.push_back(key);
  roles_.push_back(role);
  return {};
}

Result<VerifiedHead> HeadVerifier::read(std::string_view bytes) const {
  const Result<merkle::Note> note = merkle::Note::parse(bytes);
  return read(note, bytes);
}

Result<VerifiedHead> HeadVerifier::read(const Result<merkle::Note>& note,
                                        std::string_view bytes) const {
  if (!note && rules_.policy == TrustPolicy::kSigned)
    return fail("bad_head", "the head is no signed note: " + note.error().message);
  if (!note && bytes.size() > merkle::kNoteBytes) return fail("bad_head", "the head is too large");
  Result<merkle::Checkpoint> checkpoint =
      merkle::Checkpoint::parse(note ? std::string_view(note->text) : bytes);
  if (!checkpoint)
    return fail("bad_head", "the head is no checkpoint: " + checkpoint.error().message);
  VerifiedHead head;
  head.checkpoint = *std::move(checkpoint);
  if (!rules_.origin.empty() && head.checkpoint.origin != rules_.origin) {
    return fail("bad_origin", "the head is of another log than '" + rules_.origin + "'");
  }
  return head;
}

Result<VerifiedHead> HeadVerifier::verify(std::string_view bytes) const {
  const Result<merkle::Note> note = merkle::Note::parse(bytes);
  Result<VerifiedHead> head = read(note, bytes);
  if (!head || rules_.policy == TrustPolicy::kUnsigned) return head;
  if (Status counted = count_signatures(*note, *head); !counted) {
    return std::unexpected(counted.error());
  }
  return head;
}

Status HeadVerifier::count_signatures(const merkle::Note& note, VerifiedHead& head) const {
  Result<std::vector<merkle::VerifiedSignature>> verified = merkle::verify_note(note, keys_);
  if (!verified) {
    // That nobody we know signed is a lack of signatures, which the caller counts.
    if (verified.error().code == "no_known_signature") return {};
    return fail("bad_signature", verified.error().message);
  }
  for (const merkle::VerifiedSignature& signature : *verified) {
    switch (roles_[signature.key]) {
      case Role::kEngine:
        head.engines++;
        break;
      case Role::kValidator:
        head.validators++;
        break;
      case Role::kHeartbeat:
        break;
    }
    // A time beyond what milliseconds can say is in the future in any case.
    constexpr int64_t kMost = INT64_MAX / 1000;
    const int64_t time_ms = std::min(signature.timestamp, kMost) * 1000;
    head.newest_ms = std::max(head.newest_ms, time_ms);
    if (roles_[signature.key] != Role::kValidator) {
      head.engine_ms = std::max(head.engine_ms, time_ms);
    }
  }
  return {};
}

Result<VerifiedHead> HeadVerifier::verify_enough(std::string_view note) const {
  Result<VerifiedHead> head = verify(note);
  if (!head || rules_.policy == TrustPolicy::kUnsigned) return head;
  if (head->engines < rules_.require_engine || head->validators < rules_.require_validator) {
    return fail("not_enough_signatures", "signed by " + std::to_string(head->engines) + " of " +
                                             std::to_string(rules_.require_engine) +
                                             " engines and " + std::to_string(head->validators) +
                                             " of " + std::to_string(rules_.require_validator) +
                                             " validators that are required");
  }
  return head;
}

}  // namespace flagmesh::snapshot
