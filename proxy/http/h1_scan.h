// Finds the lines of a head or trailer block, and with them every control byte that may not be
// there, in one pass. Internal to the codec.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/headers.h"

namespace flagmesh::http {

// Where lines end: offsets of their CR.
struct LineEnds {
  // A start line, as many fields as a list can hold, and one more to see that there are too many.
  static constexpr size_t kMax = HeaderList::kMaxFields + 2;

  uint32_t count = 0;             // may be greater than kMax: the others are not kept
  std::array<uint32_t, kMax> at;  // not initialised: only the first `count` are ever read
  LineEnds() {}                   // NOLINT: a kilobyte that need not be cleared
  void add(size_t offset) {
    if (count < kMax) at[count] = static_cast<uint32_t>(offset);
    ++count;
  }
};

enum class Scan : uint8_t {
  kMore,  // every byte was fine and the block's end is not there; `position`: where to go on
  kEnd,   // `position`: the offset of the CR of the empty line that ends the block
  kBad,   // a CR or LF alone, or another control byte than HTAB, at `position`
};

// Looks at block[from..]. A line that is empty ends the block, the first one too. `from` is 0 or
// the `position` of an earlier kMore for the same block with fewer bytes. Lines that end before
// `from` are not in `lines`.
Scan scan_lines(std::string_view block, size_t from, LineEnds& lines, size_t& position);

}  // namespace flagmesh::http
