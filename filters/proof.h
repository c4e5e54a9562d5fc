// Is the state that decided proven, and young enough? If not, the route's `when_unproven`.
#pragma once

#include "proxy/stream/filter.h"

namespace flagmesh::filters {

// The proof itself was verified once, when the state arrived (control/snapshot/acceptance.h); a request reads the result and the age.
class Proof final : public stream::Filter {
 public:
  std::string_view name() const override { return "proof"; }
  stream::FilterResult on_request(stream::Stream& stream) override;
};

}  // namespace flagmesh::filters
