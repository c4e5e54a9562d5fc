// Replies of Redis, in pieces of a size that the first byte says: the same replies whatever the
// pieces, or an error; and no reply beyond the limits.
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/redis/reply.h"

using namespace flagmesh::redis;

namespace {

ReplyLimits small() {
  ReplyLimits limits;
  limits.array = 64;
  limits.nodes = 256;
  limits.bulk_bytes = 4096;
  limits.bytes = 8192;
  limits.line_bytes = 512;
  return limits;
}

size_t count(const Reply& reply) {
  size_t nodes = 1;
  if (reply.text.size() > 4096) std::abort();
  for (const Reply& element : reply.elements) nodes += count(element);
  return nodes;
}

// How many replies came; -1 when they end in an error.
long read(std::string_view bytes, size_t piece) {
  ReplyReader reader(small());
  long replies = 0;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(bytes.substr(at, piece))) return -1;
    for (;;) {
      auto reply = reader.next();
      if (!reply) return -1;
      if (!*reply) break;
      if (count(**reply) > 256) std::abort();
      replies++;
    }
  }
  return replies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const long in_pieces = read(input, data[0] % 64 + 1);
  const long byte_by_byte = read(input, 1);
  if (in_pieces >= 0 && byte_by_byte >= 0 && in_pieces != byte_by_byte) std::abort();
  return 0;
}
