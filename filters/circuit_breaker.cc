#include "filters/circuit_breaker.h"

#include "proxy/stream/admission.h"
#include "proxy/stream/stream.h"

namespace flagmesh::filters {

stream::FilterResult CircuitBreaker::on_request(stream::Stream& stream) {
  stream::RouteDecision& decision = stream.decision();
  if (decision.route->kind != snapshot::HandlerKind::kForward) return stream::FilterResult::kContinue;
  for (uint8_t i = decision.current; i < decision.count; ++i) {
    bool is_trial = false;
    stream::Candidate& candidate = decision.candidates[i];
    if (stream::admit(candidate, is_trial) != upstream::Denial::kNone) continue;
    decision.current = i;
    stream.forward().set_admitted(*candidate.container, is_trial);
    return stream::FilterResult::kContinue;
  }
  stream.local_reply(decision.count == 0 ? stream::kNoState
                                         : stream::error_for(decision.candidates[decision.count - 1].denied));
  return stream::FilterResult::kReplied;
}

}  // namespace flagmesh::filters
