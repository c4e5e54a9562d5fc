#include "proxy/stream/route_decision.h"

#include <gtest/gtest.h>

#include <set>

namespace flagmesh::stream {
namespace {

TEST(RouteDecision, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int why = 0; why <= static_cast<int>(Why::kUnproven); ++why)
    names.insert(why_name(static_cast<Why>(why)));
  EXPECT_EQ(names.size(), static_cast<size_t>(Why::kUnproven) + 1);
  EXPECT_EQ(names.count(""), 0U);
}

TEST(RouteDecision, HoldsNoMoreCandidatesThanItHasPlacesFor) {
  RouteDecision decision;
  for (size_t i = 0; i < 5; ++i) decision.add(nullptr, i == 0);
  EXPECT_EQ(decision.count, RouteDecision::kMaxCandidates);
  EXPECT_TRUE(decision.chosen().by_variant);
}

}  // namespace
}  // namespace flagmesh::stream
