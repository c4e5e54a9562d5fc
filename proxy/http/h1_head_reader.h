// Waits for a head block to be complete, and refuses it as soon as it cannot become one. Internal
// to the codec.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/h1_errors.h"
#include "proxy/http/h1_scan.h"

namespace flagmesh::http {

struct H1Limits;

enum class HeadKind : uint8_t { kRequest, kResponse };

class H1HeadReader {
 public:
  enum class Step : uint8_t { kMore, kComplete, kError };

  // Looks at the bytes from a head's first one on. kComplete: the head is the first `size` bytes
  // and `lines` has its lines, at least one. However the bytes are cut into calls, the outcome is
  // the same, because errors rank by where they are found: the start line once it is whole, then
  // bare line ends, control bytes and the limit; what only a whole head shows (targets, fields) is
  // the caller's and comes last.
  Step read(std::string_view input, HeadKind kind, const H1Limits& limits, LineEnds& lines,
            size_t& size, H1Error& error);

 private:
  uint32_t scanned_ = 0;    // bytes of an incomplete head already searched for its end
  bool line_seen_ = false;  // its start line is whole and was found good
};

}  // namespace flagmesh::http
