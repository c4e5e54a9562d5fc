#include "proxy/stream/worker_stats.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace flagmesh::stream {
namespace {

TEST(ReasonCounters, CountByText) {
  ReasonCounters counters;
  for (int i = 0; i < 3; ++i) counters.add("no_route");
  counters.add("unproven");
  std::map<std::string, uint64_t> seen;
  counters.for_each(
      [&](std::string_view reason, uint64_t count) { seen[std::string(reason)] = count; });
  EXPECT_EQ(seen, (std::map<std::string, uint64_t>{{"no_route", 3}, {"unproven", 1}}));
}

// More reasons than there are slots: those that do not fit are not counted, the others stay right.
TEST(ReasonCounters, ManyReasons) {
  static std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("reason_" + std::to_string(i));
  ReasonCounters counters;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& name : names) counters.add(name);
  }
  size_t reasons = 0;
  counters.for_each([&](std::string_view, uint64_t count) {
    ++reasons;
    EXPECT_EQ(count, 2U);
  });
  EXPECT_EQ(reasons, 128U);
}

}  // namespace
}  // namespace flagmesh::stream
