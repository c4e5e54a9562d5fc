// Takes a place for the request at its container; an open or full breaker passes it on to the next candidate, or refuses it.
#pragma once

#include "proxy/stream/filter.h"

namespace flagmesh::filters {

// The place is given back when the stream ends (Forward::reset). Replies 503 when no candidate admits the request.
class CircuitBreaker final : public stream::Filter {
 public:
  std::string_view name() const override { return "circuit_breaker"; }
  stream::FilterResult on_request(stream::Stream& stream) override;
};

}  // namespace flagmesh::filters
