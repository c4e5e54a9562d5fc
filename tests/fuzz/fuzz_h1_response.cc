// Responses from an origin, as fuzz_h1_request.cc. The first byte says how to read the rest: bit 0:
// answers HEAD; bit 1: to an upgrade; bit 2: the connection ends.
#include <cstdint>
#include <cstdlib>

#include "tests/proxy/http/h1_round_trip.h"

using namespace flagmesh::http;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

constexpr H1Limits kLimits{
    .header_block = 2048, .target = 512, .fields = 32, .chunk_line = 128, .trailer_block = 256};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ResponseContext context{(data[0] & 1) != 0 ? Method::kHead : Method::kGet,
                                (data[0] & 2) != 0, (data[0] & 4) != 0};
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const TraceWriter whole = trace_response(text, 0, context, kLimits);
  for (const size_t step : {size_t{1}, 2 + size % 61}) {
    const TraceWriter pieces = trace_response(text, step, context, kLimits);
    require(pieces.lines == whole.lines && pieces.fields == whole.fields);
  }
  const std::optional<std::string> once = forward_response(text, context, kLimits);
  if (!once) return 0;
  const H1Limits wide;
  const TraceWriter trace = trace_response(*once, 0, context, wide);
  require(!trace.lines.empty() && trace.lines.back() == "end");
  require(forward_response(*once, context, wide) == once);
  return 0;
}
