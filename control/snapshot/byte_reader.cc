#include "control/snapshot/byte_reader.h"

namespace flagmesh::snapshot {

std::string_view ByteReader::take(size_t count) {
  if (!ok()) return {};
  if (left() < count) {
    fail("ends early");
    return {};
  }
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += count;
  return taken;
}

uint8_t ByteReader::u8() {
  const std::string_view bytes = take(1);
  return bytes.empty() ? 0 : static_cast<uint8_t>(bytes[0]);
}

uint16_t ByteReader::u16() {
  const std::string_view bytes = take(2);
  if (bytes.empty()) return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

merkle::Hash ByteReader::hash() {
  const std::string_view bytes = take(merkle::Hash::kSize);
  return bytes.empty() ? merkle::Hash{} : *merkle::Hash::from_bytes(bytes);
}

uint32_t ByteReader::count(uint32_t value, size_t limit, size_t least, std::string_view what) {
  if (!ok()) return 0;
  if (value > limit || value > left() / least) {
    fail("says it has " + std::to_string(value) + " " + std::string(what));
    return 0;
  }
  return value;
}

void ByteReader::fail(std::string_view what) {
  if (!ok()) return;
  problem_ = what;
  problem_at_ = at_;
}

Status ByteReader::end(std::string_view what) {
  if (ok() && !at_end()) fail("goes on after its end");
  if (ok()) return {};
  return flagmesh::fail("bad_state", "the " + std::string(what) + " " + problem_,
                        "byte " + std::to_string(problem_at_));
}

}  // namespace flagmesh::snapshot
