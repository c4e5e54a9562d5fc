// Which container: the variant's for this user, sticky; or by weight; or the one that the route names.
#pragma once

#include "proxy/stream/filter.h"

namespace flagmesh::filters {

// Fills the decision: targeting key, variant, candidates in order. Never replies.
class Rollout final : public stream::Filter {
 public:
  std::string_view name() const override { return "rollout"; }
  stream::FilterResult on_request(stream::Stream& stream) override;
  // For stream::ChangeWatch: what the worker's current snapshot decides for a request that was decided before.
  static std::string_view variant_now(stream::Stream& stream, std::string_view tenant);

 private:
  void decide_flag(stream::Stream& stream);
};

}  // namespace flagmesh::filters
