// One entry of the epoch log: what a publish changed, without telling who or what.
//
//   record     = %x01 epoch time state-root flags author change     ; 105 bytes
//   epoch      = uint64: the number of this record, from 1, which is also the log's size with it
//   time       = uint64: milliseconds since 1970-01-01 UTC, never below the record's before
//   state-root = 32 bytes (state_tree.h)
//   flags      = uint64: flags of all tenants together
//   author     = 16 bytes, opaque; the engine knows whom it stands for
//   change     = 32 bytes: commitment to the change (change_commitment)
//
// Integers are big-endian and at most 2^53-1. The log's leaf hash is SHA-256(0x00 || record).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

inline constexpr size_t kEpochRecordBytes = 105;

// 16 bytes that stand for an author.
struct AuthorId {
  std::array<uint8_t, 16> bytes{};

  bool operator==(const AuthorId&) const = default;
  std::string hex() const;  // 32 letters
  // Code "bad_author".
  static Result<AuthorId> from_hex(std::string_view text);
};

// A plain value.
struct EpochRecord {
  uint64_t epoch = 0;
  uint64_t time_ms = 0;
  Hash state_root;
  uint64_t flags = 0;
  AuthorId author;
  Hash change;

  bool operator==(const EpochRecord&) const = default;

  std::string serialize() const;
  // Code "bad_record": length, version, epoch 0, an integer above 2^53-1.
  static Result<EpochRecord> parse(std::string_view bytes);
  Hash leaf() const;
};

// HMAC-SHA256(opening, change): binds to the change's text and hides it as long as the 32 random
// bytes of the opening stay with the engine.
Hash change_commitment(const Hash& opening, std::string_view change);

}  // namespace flagmesh::merkle
