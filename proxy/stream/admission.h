// May this candidate have an attempt? One function, asked by the filters for the first attempt and by the forwarder for each later one.
#pragma once

#include "proxy/stream/route_decision.h"

namespace flagmesh::stream {

// Proof and health: pure questions. What a filter denied before stays denied.
inline upstream::Denial check_candidate(Candidate& candidate) {
  if (candidate.denied == upstream::Denial::kNone) candidate.denied = candidate.container->check_health();
  return candidate.denied;
}

// All of it: proof, health, and a place behind the circuit breaker, which the caller gives back with
// Container::release_admission(is_trial).
inline upstream::Denial admit(Candidate& candidate, bool& is_trial) {
  if (check_candidate(candidate) == upstream::Denial::kNone) {
    candidate.denied = candidate.container->enter_breaker(is_trial);
  }
  return candidate.denied;
}

}  // namespace flagmesh::stream
