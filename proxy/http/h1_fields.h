// The fields of a complete head or trailer block. Internal to the codec.
#pragma once

#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/h1_errors.h"
#include "proxy/http/h1_scan.h"
#include "proxy/http/headers.h"

namespace flagmesh::http {

// Parses the lines `first`.. of `block` into `list` (RFC 9112 §5). REQUIRES: scan_lines found
// `lines` in `block` and it ended there; `block` is in the arena with kBlockPadding readable bytes
// behind it, and lives as long as `list`.
H1Error parse_fields(std::string_view block, const LineEnds& lines, size_t first, size_t max_fields,
                     Arena& arena, HeaderList& list);

inline constexpr size_t kBlockPadding = 16;

// A copy with that padding.
std::string_view copy_block(std::string_view block, Arena& arena);

}  // namespace flagmesh::http
