// An engine for tests: a log, a writer and keys, without loop or carrier.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/flags/canonical_flag.h"
#include "control/flags/parse.h"
#include "control/snapshot/acceptance.h"
#include "control/snapshot/state_writer.h"
#include "merkle/note.h"

namespace flagmesh::snapshot {

// Canonical JSON of a flag whose rollout is `on`/`off`.
inline std::string flag_json(const std::string& key, int on,
                             const std::string& tenant = "default") {
  const std::string text = R"({"flags":{")" + key + R"(":{"state":"ENABLED",)" +
                           R"("variants":{"on":true,"off":false},"defaultVariant":"off",)" +
                           R"("targeting":{"fractional":[["on",)" + std::to_string(on) +
                           R"(],["off",)" + std::to_string(100 - on) + "]]}}}}";
  flags::ParsedFlags parsed = flags::parse_flag_file(text, "test.json", tenant);
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << text;
  return flags::canonical_flag(parsed.flags.flags.at(0));
}

inline merkle::SigningKey make_key(const std::string& name, merkle::SignatureType type,
                                   uint8_t seed) {
  merkle::Hash bytes;
  bytes.bytes.fill(seed);
  return *merkle::SigningKey::from_seed(name, type, bytes);
}

inline constexpr const char* kOrigin = "test.example/flags";
inline constexpr int64_t kNow = 1'790'000'000'000;  // ms

class PublishingEngine {
 public:
  explicit PublishingEngine(std::string origin = kOrigin) : origin_(std::move(origin)) {}

  TrustRules rules() const {
    TrustRules rules;
    rules.origin = kOrigin;
    rules.engine_keys.push_back(signer_.verifier());
    return rules;
  }
  TrustRules rules_with_validator() const {
    TrustRules rules = this->rules();
    rules.validator_keys.push_back(validator_.verifier());
    rules.require_validator = 1;
    return rules;
  }

  // Stages, appends the record and returns the signed head; neither published nor committed.
  std::string stage(const std::vector<EntryChange>& changes) {
    EXPECT_TRUE(writer.stage(changes));
    append();
    return sign(log.checkpoint(origin_), kNow);
  }
  void append() {
    merkle::EpochRecord record;
    record.epoch = log.size() + 1;
    record.time_ms = static_cast<uint64_t>(kNow) + record.epoch;
    record.state_root = writer.state_root();
    record.flags = writer.flags();
    EXPECT_TRUE(log.append(record));
  }
  // Stages, makes the publication, commits.
  Publication publish(const std::vector<EntryChange>& changes) {
    const std::string head = stage(changes);
    Result<Publication> publication = writer.publication(log, head);
    EXPECT_TRUE(publication);
    writer.commit(log.size());
    return *std::move(publication);
  }
  Publication set(const std::string& key, int on) {
    return publish({{"default", key, flag_json(key, on)}});
  }

  // The checkpoint's note by the engine, with a heartbeat of that time, and a validator's
  // cosignature when asked for.
  std::string sign(const merkle::Checkpoint& checkpoint, int64_t now_ms,
                   bool with_validator = false) const {
    merkle::Note note{checkpoint.text(), {}};
    put_signature(note, *sign_text(note.text, signer_, 0));
    put_signature(note, *sign_text(note.text, heart_, now_ms / 1000));
    if (with_validator) put_signature(note, *sign_text(note.text, validator_, now_ms / 1000));
    return note.str();
  }
  std::string sign_by(const merkle::Checkpoint& checkpoint, const merkle::SigningKey& signer,
                      const merkle::SigningKey& heart) const {
    merkle::Note note{checkpoint.text(), {}};
    put_signature(note, *sign_text(note.text, signer, 0));
    put_signature(note, *sign_text(note.text, heart, kNow / 1000));
    return note.str();
  }
  merkle::Checkpoint checkpoint() const { return log.checkpoint(origin_); }
  const merkle::SigningKey& validator() const { return validator_; }

  StateWriter writer;
  merkle::EpochLog log;

 private:
  std::string origin_;
  // The heartbeat is the same key in its cosignature form.
  merkle::SigningKey signer_ = make_key("engine", merkle::SignatureType::kEd25519, 1);
  merkle::SigningKey heart_ = make_key("engine", merkle::SignatureType::kCosignatureV1, 1);
  merkle::SigningKey validator_ = make_key("validator", merkle::SignatureType::kCosignatureV1, 2);
};

// What a publication stores of a tenant's state, as FullRead would bring it.
struct StoredState {
  Manifest manifest;
  std::vector<std::string> chunks;
};

inline StoredState stored(const Publication& publication, size_t tenant = 0) {
  StoredState state;
  const Publication::Tenant& from = publication.tenants.at(tenant);
  state.manifest = *Manifest::parse(from.manifest);
  for (const ChunkRef& ref : state.manifest.chunks) {
    for (const Publication::Chunk& chunk : from.chunks) {
      if (chunk.hash == ref.hash) state.chunks.push_back(chunk.bytes);
    }
  }
  EXPECT_EQ(state.chunks.size(), state.manifest.chunks.size());
  return state;
}

inline int on_weight(const FlagTable& flags, const std::string& key) {
  const FlagEntry* entry = flags.find("default", key);
  if (entry == nullptr) return -1;
  const size_t at = entry->canonical_json.find(R"(["on",)");
  return std::stoi(entry->canonical_json.substr(at + 6));
}

}  // namespace flagmesh::snapshot
