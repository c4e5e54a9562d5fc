#include "filters/health.h"

#include "proxy/stream/admission.h"
#include "proxy/stream/stream.h"

namespace flagmesh::filters {

stream::FilterResult Health::on_request(stream::Stream& stream) {
  stream::RouteDecision& decision = stream.decision();
  for (uint8_t i = decision.current; i < decision.count; ++i) {
    if (stream::check_candidate(decision.candidates[i]) == upstream::Denial::kNone) {
      decision.current = i;
      break;
    }
  }
  return stream::FilterResult::kContinue;
}

}  // namespace flagmesh::filters
