// Reads binary state front to back; the first thing that does not fit stops it for good, so that a
// parser can read on and ask once. Internal to control/snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "merkle/encoding.h"
#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return problem_.empty(); }
  bool at_end() const { return at_ == bytes_.size(); }
  size_t left() const { return bytes_.size() - at_; }

  // Zero, empty, when there are not enough bytes.
  std::string_view take(size_t count);
  uint8_t u8();
  uint16_t u16();
  uint32_t u32() {
    const std::string_view bytes = take(4);
    return bytes.empty() ? 0 : merkle::read_u32(bytes);
  }
  uint64_t u64() {
    const std::string_view bytes = take(8);
    return bytes.empty() ? 0 : merkle::read_u64(bytes);
  }
  merkle::Hash hash();
  // A count of things that take at least `least` bytes each: never more than could follow, so that
  // nothing is reserved for what is not there.
  uint32_t count(uint32_t value, size_t limit, size_t least, std::string_view what);

  // Remembers the first problem and where it was.
  void fail(std::string_view what);
  // "bad_state" with the problem, also when bytes are left over.
  Status end(std::string_view what);

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  std::string problem_;
  size_t problem_at_ = 0;
};

}  // namespace flagmesh::snapshot
