// The first bytes of a connection: however they are cut, the same header or the same refusal,
// within the bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "proxy/net/proxy_protocol.h"

using namespace flagmesh::net;

namespace {

void require(bool true_here) {
  if (!true_here) abort();
}

struct Outcome {
  ProxyHeaderStep step;
  ProxyHeader header;
};

Outcome read(std::string_view bytes, size_t piece) {
  Outcome outcome{};
  for (size_t shown = 0; shown < bytes.size();) {
    shown = std::min(shown + piece, bytes.size());
    outcome.step = parse_proxy_header(bytes.substr(0, shown), outcome.header);
    if (outcome.step != ProxyHeaderStep::kNeedMore) break;
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Outcome whole = read(bytes, bytes.size() + 1);
  for (const size_t piece : {size_t{1}, 2 + size % 17}) {
    const Outcome pieces = read(bytes, piece);
    require(pieces.step == whole.step);
    if (whole.step != ProxyHeaderStep::kDone) continue;
    require(pieces.header.size == whole.header.size && pieces.header.local == whole.header.local);
    require(pieces.header.source == whole.header.source);
    require(pieces.header.destination == whole.header.destination);
  }
  if (whole.step == ProxyHeaderStep::kNeedMore) require(size < kProxyV2Bytes);
  if (whole.step != ProxyHeaderStep::kDone) return 0;
  require(whole.header.size != 0 && whole.header.size <= size &&
          whole.header.size <= kProxyV2Bytes);
  // What follows does not matter, and nothing less was enough.
  ProxyHeader again;
  require(parse_proxy_header(bytes.substr(0, whole.header.size), again) == ProxyHeaderStep::kDone);
  require(parse_proxy_header(bytes.substr(0, whole.header.size - 1), again) ==
          ProxyHeaderStep::kNeedMore);
  if (!whole.header.local) (void)whole.header.source.text();
  return 0;
}
