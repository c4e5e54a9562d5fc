// A container with too few healthy endpoints is passed over: the next candidate is chosen.
#pragma once

#include "proxy/stream/filter.h"

namespace flagmesh::filters {

// Moves the decision on to the first candidate that is proven and healthy. Never replies: with none, the circuit breaker's filter does.
class Health final : public stream::Filter {
 public:
  std::string_view name() const override { return "health"; }
  stream::FilterResult on_request(stream::Stream& stream) override;
};

}  // namespace flagmesh::filters
