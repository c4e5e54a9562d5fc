#include "control/snapshot/route.h"

#include <gtest/gtest.h>

#include <array>

namespace flagmesh::snapshot {
namespace {

TEST(Route, SplitFollowsTheWeights) {
  Route route;
  route.split = {{.container = 4, .cumulative = 90}, {.container = 7, .cumulative = 100}};
  EXPECT_EQ(route.split_total(), 100u);
  EXPECT_EQ(route.pick_split(0), 4);
  EXPECT_EQ(route.pick_split(0xffffffff), 7);
  // The first random number of the second part: ceil(2^32 * 0.9).
  EXPECT_EQ(route.pick_split(3865470566), 4);
  EXPECT_EQ(route.pick_split(3865470567), 7);
  std::array<int, 8> seen{};
  for (uint32_t i = 0; i < 1000; i++) seen[static_cast<size_t>(route.pick_split(i * 4294968))]++;
  EXPECT_EQ(seen[4], 900);
  EXPECT_EQ(seen[7], 100);
}

TEST(Route, SplitWithTheLargestWeights) {
  Route route;
  route.split = {{.container = 0, .cumulative = 1}, {.container = 1, .cumulative = 0xffffffff}};
  EXPECT_EQ(route.pick_split(0), 0);
  EXPECT_EQ(route.pick_split(0xffffffff), 1);
}

bool same_match(const Route& a, const Route& b) {
  return match_keys(a) == match_keys(b);
}

TEST(Route, MatchKeys) {
  Route a;
  a.path = "/a";
  a.methods = {"GET", "POST"};
  a.headers = {{"x-a", "1"}, {"x-b", "2"}};
  a.hosts = {"x.example", "y.example"};
  Route b = a;
  b.flag = "checkout";  // where it goes does not count
  EXPECT_TRUE(same_match(a, b));
  b.methods = {"POST", "GET", "GET"};
  b.headers = {{"x-b", "2"}, {"x-a", "1"}};
  b.hosts = {"y.example", "x.example"};
  b.path = "/a/";
  EXPECT_TRUE(same_match(a, b)) << "order and the prefix's final slash do not count";
  b.path_match = PathMatch::kExact;
  EXPECT_FALSE(same_match(a, b));
  a.path_match = PathMatch::kExact;
  EXPECT_FALSE(same_match(a, b)) << "an exact path's final slash counts";
  b.path = "/a";
  EXPECT_TRUE(same_match(a, b));
  b.headers[0].value = "3";
  EXPECT_FALSE(same_match(a, b));
  b = a;
  b.hosts.clear();
  EXPECT_FALSE(same_match(a, b));
  EXPECT_EQ(match_keys(a).size(), 2u) << "one for each host";
  EXPECT_EQ(match_keys(b).size(), 1u);
  a.hosts = {"y.example"};
  b.hosts = {"z.example", "y.example"};
  EXPECT_EQ(match_keys(a)[0], match_keys(b)[0]) << "routes may meet at one of their hosts";
}

}  // namespace
}  // namespace flagmesh::snapshot
