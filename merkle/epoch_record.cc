#include "merkle/epoch_record.h"

#include <cstring>

#include "merkle/encoding.h"

namespace flagmesh::merkle {

namespace {

constexpr char kVersion = 1;
constexpr uint64_t kMaxInteger = (uint64_t{1} << 53) - 1;  // what JSON readers keep exactly

// Takes pieces off the front of bytes whose length was checked.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(size_t count) {
    std::string_view piece = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return piece;
  }
  uint64_t take_u64() { return read_u64(take(8)); }
  Hash take_hash() { return *Hash::from_bytes(take(Hash::kSize)); }

 private:
  std::string_view bytes_;
};

}  // namespace

std::string AuthorId::hex() const {
  return hex_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Result<AuthorId> AuthorId::from_hex(std::string_view text) {
  Result<std::string> decoded = hex_decode(text);
  AuthorId id;
  if (!decoded || decoded->size() != id.bytes.size())
    return fail("bad_author", "an author id that is not 32 hexadecimal digits");
  std::memcpy(id.bytes.data(), decoded->data(), id.bytes.size());
  return id;
}

std::string EpochRecord::serialize() const {
  std::string bytes(1, kVersion);
  bytes.reserve(kEpochRecordBytes);
  append_u64(bytes, epoch);
  append_u64(bytes, time_ms);
  bytes += state_root.view();
  append_u64(bytes, flags);
  bytes.append(reinterpret_cast<const char*>(author.bytes.data()), author.bytes.size());
  bytes += change.view();
  return bytes;
}

Result<EpochRecord> EpochRecord::parse(std::string_view bytes) {
  if (bytes.size() != kEpochRecordBytes)
    return fail("bad_record", "an epoch record that is not 105 bytes long");
  Reader reader(bytes);
  if (reader.take(1)[0] != kVersion)
    return fail("bad_record", "an epoch record of an unknown version");
  EpochRecord record;
  record.epoch = reader.take_u64();
  record.time_ms = reader.take_u64();
  record.state_root = reader.take_hash();
  record.flags = reader.take_u64();
  std::memcpy(record.author.bytes.data(), reader.take(16).data(), 16);
  record.change = reader.take_hash();
  if (record.epoch == 0) return fail("bad_record", "an epoch record of epoch 0");
  if (record.epoch > kMaxInteger || record.time_ms > kMaxInteger || record.flags > kMaxInteger)
    return fail("bad_record", "an epoch record with a number above 2^53-1");
  return record;
}

Hash EpochRecord::leaf() const {
  return leaf_hash(serialize());
}

Hash change_commitment(const Hash& opening, std::string_view change) {
  return hmac_sha256(opening.view(), change);
}

}  // namespace flagmesh::merkle
