#include "proxy/stream/route_decision.h"

namespace flagmesh::stream {

std::string_view why_name(Why why) {
  switch (why) {
    case Why::kRoute: return "route";
    case Why::kSplit: return "split";
    case Why::kVariant: return "variant";
    case Why::kFlagMissing: return "flag_missing";
    case Why::kFlagDisabled: return "flag_disabled";
    case Why::kNoVariant: return "no_variant";
    case Why::kEvaluationError: return "evaluation_error";
    case Why::kVariantNotServed: return "variant_not_served";
    case Why::kUnproven: return "unproven";
  }
  return "";
}

}  // namespace flagmesh::stream
