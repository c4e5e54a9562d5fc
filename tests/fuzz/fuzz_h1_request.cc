// Requests from a client: however the bytes are cut, the decoder says the same; and what is
// forwarded is exactly one request that reads as itself again.
#include <cstdint>
#include <cstdlib>

#include "tests/proxy/http/h1_round_trip.h"

using namespace flagmesh::http;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

// Small, so that the limits are met too.
constexpr H1Limits kLimits{
    .header_block = 2048, .target = 512, .fields = 32, .chunk_line = 128, .trailer_block = 256};

void check_forwarded(std::string_view text, bool normalize) {
  H1Limits limits = kLimits;
  limits.normalize_path = normalize;
  const std::optional<std::string> once = forward_request(text, limits);
  if (!once) return;
  // Host or framing that we add may make it longer than what we take ourselves.
  const H1Limits wide{.normalize_path = normalize};
  const TraceWriter trace = trace_request(*once, 0, wide);
  require(!trace.lines.empty() && trace.lines.back() == "end");
  require(std::ranges::count(trace.lines, "end") == 1);
  require(forward_request(*once, wide) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const TraceWriter whole = trace_request(text, 0, kLimits);
  for (const size_t step : {size_t{1}, 2 + size % 61}) {
    const TraceWriter pieces = trace_request(text, step, kLimits);
    require(pieces.lines == whole.lines && pieces.fields == whole.fields);
  }
  check_forwarded(text, true);
  check_forwarded(text, false);
  return 0;
}
