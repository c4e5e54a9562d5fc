#include "control/engine/head_signer.h"

#include <utility>

namespace flagmesh::engine {
namespace {

// The time of the key's signature in the note; nothing when it has none that is right.
std::optional<int64_t> time_in(const merkle::Note& note, const merkle::VerifierKey& key) {
  for (const merkle::NoteSignature& signature : note.signatures) {
    if (signature.name != key.name() || signature.key_id != key.id()) continue;
    if (const auto time = key.verify(note.text, signature.bytes)) return *time;
  }
  return std::nullopt;
}

}  // namespace

HeadSigner::HeadSigner(std::optional<merkle::SigningKey> key) : key_(std::move(key)) {
  if (key_) heartbeat_ = key_->with_type(merkle::SignatureType::kCosignatureV1);
}

Result<std::string> HeadSigner::sign(const std::string& checkpoint, int64_t unix_seconds) const {
  if (!key_) return checkpoint;
  merkle::Note note{checkpoint, {}};
  for (const merkle::SigningKey* key : {&*key_, &*heartbeat_}) {
    auto signature = merkle::sign_text(note.text, *key, unix_seconds);
    if (!signature) return std::unexpected(signature.error());
    merkle::put_signature(note, std::move(*signature));
  }
  return note.str();
}

Result<std::string> HeadSigner::claim(const std::string& text) const {
  merkle::Note note{text, {}};
  auto signature = merkle::sign_text(note.text, *key_, 0);
  if (!signature) return std::unexpected(signature.error());
  merkle::put_signature(note, std::move(*signature));
  return note.str();
}

Result<std::string> HeadSigner::renew(const std::string& head, int64_t unix_seconds) const {
  if (!key_) return head;
  auto note = merkle::Note::parse(head);
  if (!note) return std::unexpected(note.error());
  auto signature = merkle::sign_text(note->text, *heartbeat_, unix_seconds);
  if (!signature) return std::unexpected(signature.error());
  merkle::put_signature(*note, std::move(*signature));
  return note->str();
}

Result<std::string> add_cosignatures(const std::string& head, std::span<const std::string> lines,
                                     std::span<const merkle::VerifierKey> validators) {
  auto note = merkle::Note::parse(head);
  if (!note) return std::unexpected(note.error());
  for (const std::string& line : lines) {
    auto signature = merkle::parse_signature_line(line);
    if (!signature) continue;
    for (const merkle::VerifierKey& key : validators) {
      if (signature->name != key.name() || signature->key_id != key.id()) continue;
      const auto time = key.verify(note->text, signature->bytes);
      if (!time || time_in(*note, key).value_or(-1) >= *time) continue;
      merkle::put_signature(*note, *signature);
    }
  }
  return note->str();
}

}  // namespace flagmesh::engine
