#include "filters/proof.h"

#include "proxy/stream/stream.h"

namespace flagmesh::filters {

using stream::FilterResult;

namespace {

// What the flag said does not count: neither its container (unless it is the fallback itself) nor its variant is named.
void serve_fallback(stream::Stream& stream) {
  stream::RouteDecision& decision = stream.decision();
  const upstream::Container* fallback = stream.worker_snapshot().container(decision.route->fallback);
  decision.why = stream::Why::kUnproven;
  decision.variant = decision.variant_lines = {};
  for (uint8_t i = 0; i < decision.count; ++i) {
    stream::Candidate& candidate = decision.candidates[i];
    if (candidate.container != fallback) candidate.denied = upstream::Denial::kUnproven;
  }
}

}  // namespace

FilterResult Proof::on_request(stream::Stream& stream) {
  stream::RouteDecision& decision = stream.decision();
  if (!decision.route->is_flag_route()) return FilterResult::kContinue;
  const snapshot::TrustStatus& trust = stream.snapshot().trust;
  const event::Loop& loop = stream.worker().io.loop();
  if (trust.proven && trust.fresh_at(loop.unix_seconds() * 1000, loop.now_ms())) [[likely]] {
    return FilterResult::kContinue;
  }
  decision.stale = true;
  stream.worker().stats.stale_decisions.add();
  switch (decision.route->when_unproven) {
    case snapshot::WhenUnproven::kLastGood:
      // The flags of a snapshot are the last proven ones; with none at all the rollout chose the fallback already.
      return FilterResult::kContinue;
    case snapshot::WhenUnproven::kFallback:
      serve_fallback(stream);
      return FilterResult::kContinue;
    case snapshot::WhenUnproven::kRefuse:
      stream.local_reply(stream::kUnprovenState);
      return FilterResult::kReplied;
  }
  return FilterResult::kContinue;
}

}  // namespace flagmesh::filters
