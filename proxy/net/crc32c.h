// CRC-32c (Castagnoli; RFC 3720 §12.1): polynomial 0x1EDC6F41, reflected.
#pragma once

#include <cstdint>
#include <string_view>

namespace flagmesh::net {

// Of `bytes` behind what gave `before` (0: nothing).
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace flagmesh::net
