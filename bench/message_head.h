// The little of HTTP/1.1 that origin and load need, on messages of peers that are trusted to be
// well formed: where the head ends, its first line, Content-Length, whether the connection closes.
// Not a parser to expose to a network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flagmesh::bench {

struct MessageHead {
  std::string_view first_line;
  size_t size = 0;  // bytes up to the end of the empty line
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool close = false;
};

// nullopt while the head is not complete. The result points into `data`.
std::optional<MessageHead> scan_head(std::string_view data);

}  // namespace flagmesh::bench
