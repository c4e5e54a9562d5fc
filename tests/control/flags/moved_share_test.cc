#include "control/flags/moved_share.h"

#include <gtest/gtest.h>

#include "control/flags/change.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/context.h"
#include "control/flags/parse.h"

namespace flagmesh::flags {
namespace {

FlagDefinition flag(const std::string& targeting, const std::string& more = "") {
  ParsedFlags parsed = parse_flag_file(
      R"({"flags":{"f":{"state":"ENABLED","variants":{"on":1,"off":2,"beta":3},"defaultVariant":"off","targeting":)" +
          targeting + more + "}}}",
      "f.json", "t");
  EXPECT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics.front().text();
  return parsed.flags.flags.at(0);
}

uint32_t moved(const std::string& before, const std::string& after) {
  const FlagDefinition a = flag(before);
  const FlagDefinition b = flag(after);
  const MovedShare there = moved_share(&a, &b);
  EXPECT_EQ(there.ppm, moved_share(&b, &a).ppm) << "the way back moves as many";
  return there.ppm;
}

std::string split(int on, int off) {
  return R"({"fractional":[["on",)" + std::to_string(on) + R"(],["off",)" + std::to_string(off) +
         "]]}";
}

TEST(MovedShare, OfWeightsIsExact) {
  EXPECT_EQ(moved(split(25, 75), split(25, 75)), 0u);
  EXPECT_EQ(moved(split(25, 75), split(50, 150)), 250000u - 250000u);  // the same shares
  EXPECT_EQ(moved(split(25, 75), split(35, 65)), 100000u);
  EXPECT_EQ(moved(split(1, 2), split(1, 1)), 166667u);  // rounded up
  EXPECT_EQ(moved(split(0, 1), split(1, 0)), kEverybody);
  EXPECT_EQ(moved("null", split(25, 75)), 250000u);
  EXPECT_EQ(moved(R"("off")", split(25, 75)), 250000u);
  EXPECT_EQ(moved(R"("on")", split(25, 75)), 750000u);
  // The order decides who it is.
  EXPECT_EQ(moved(R"({"fractional":[["on",50],["off",50]]})",
                  R"({"fractional":[["off",50],["on",50]]})"),
            kEverybody);
  EXPECT_EQ(moved(R"({"fractional":[["on",50],["off",50]]})",
                  R"({"fractional":[["beta",10],["on",40],["off",50]]})"),
            100000u);
}

TEST(MovedShare, OfBranchesIsThatOfTheWorst) {
  const auto branches = [](int a, int b) {
    return R"({"if":[{"==":[{"var":"country"},"de"]},)" + split(a, 100 - a) + "," +
           split(b, 100 - b) + "]}";
  };
  EXPECT_EQ(moved(branches(10, 20), branches(15, 40)), 200000u);
  EXPECT_EQ(moved(branches(10, 20), branches(10, 20)), 0u);
}

TEST(MovedShare, WhatCannotBeToldIsEverybody) {
  const std::string to_few = R"({"if":[{"starts_with":[{"var":"targetingKey"},"user-"]},)" +
                             split(25, 75) + R"(,"on"]})";
  EXPECT_EQ(moved(split(25, 75), to_few), kEverybody);
  // One text for everybody puts everybody into one bucket.
  EXPECT_EQ(moved(R"({"fractional":["seed",["on",1],["off",99]]})",
                  R"({"fractional":["seed",["on",2],["off",98]]})"),
            kEverybody);
  EXPECT_EQ(moved("null", R"({"fractional":["seed",["on",1],["off",99]]})"), kEverybody);
  EXPECT_EQ(moved(R"({"fractional":[{"var":"team"},["on",1],["off",99]]})",
                  R"({"fractional":[{"var":"team"},["on",2],["off",98]]})"),
            10000u);
  EXPECT_EQ(moved(split(1, 1), R"({"fractional":[{"var":"team"},["on",1],["off",1]]})"),
            kEverybody);
}

TEST(MovedShare, StateValuesAndDefaults) {
  const FlagDefinition plain = flag(split(25, 75));
  FlagDefinition other = plain;
  other.metadata = JsonValue(JsonValue::Object{{"owner", "shop"}});
  EXPECT_EQ(moved_share(&plain, &other).ppm, 0u);
  other.variants.push_back({"new", JsonValue(4)});
  EXPECT_EQ(moved_share(&plain, &other).ppm, 0u);
  EXPECT_EQ(moved_share(&other, &plain).ppm, kEverybody);
  other = plain;
  other.variants[0].value = JsonValue(9);
  EXPECT_EQ(moved_share(&plain, &other).ppm, kEverybody);
  other = plain;
  other.state = FlagState::kDisabled;
  EXPECT_EQ(moved_share(&plain, &other).ppm, kEverybody);
  EXPECT_EQ(moved_share(&other, &other).ppm, 0u);
  other = plain;
  other.default_variant = "on";
  EXPECT_EQ(moved_share(&plain, &other).ppm, kEverybody);
  EXPECT_EQ(moved_share(nullptr, &plain).ppm, 0u);
  EXPECT_EQ(moved_share(&plain, nullptr).ppm, kEverybody);
}

// A user's bucket is where the weights say: the share that moves is the share that is told.
TEST(MovedShare, IsWhatHappensToUsers) {
  uint32_t seed = 1;
  const auto next = [&](int below) {
    seed = seed * 1664525 + 1013904223;
    return static_cast<int>((seed >> 8) % static_cast<uint32_t>(below));
  };
  for (int round = 0; round < 30; ++round) {
    const int on = next(100);
    const int off = 1 + next(100);
    const int beta = next(50);
    const auto text = [](int a, int b, int c) {
      return R"({"fractional":[["on",)" + std::to_string(a) + R"(],["beta",)" + std::to_string(b) +
             R"(],["off",)" + std::to_string(c) + "]]}";
    };
    const FlagDefinition before = flag(text(on, beta, off));
    const FlagDefinition after = flag(text(next(100), next(50), 1 + next(100)));
    const auto first = *CompiledFlag::compile(before);
    const auto second = *CompiledFlag::compile(after);
    constexpr int kUsers = 20'000;
    int moved = 0;
    for (int user = 0; user < kUsers; ++user) {
      const JsonValue who(JsonValue::Object{{"targetingKey", "user-" + std::to_string(user)}});
      const JsonContext context(who, 0);
      if (first->evaluate(context).variant->name != second->evaluate(context).variant->name) ++moved;
    }
    EXPECT_NEAR(moved_share(&before, &after).ppm / 1e6, moved / double{kUsers}, 0.015);
  }
}

TEST(IsKill, StopsAFlagAndNothingElse) {
  const FlagDefinition plain = flag(split(25, 75));
  EXPECT_TRUE(is_kill(plain, *set_enabled(plain, false), false));
  EXPECT_TRUE(is_kill(plain, *kill(plain, "off"), false));
  EXPECT_FALSE(is_kill(plain, *kill(plain, "on"), false)) << "everybody gets the new variant";
  EXPECT_TRUE(is_kill(plain, *kill(plain, "on"), true));
  EXPECT_FALSE(is_kill(plain, *set_rollout(plain, {{"on", 0}, {"off", 1}}), true));
  FlagDefinition swapped = *kill(plain, "off");
  swapped.variants[*swapped.variant_index("off")].value = JsonValue(1);
  EXPECT_FALSE(is_kill(plain, swapped, true)) << "the value of the variant is another one";
}

}  // namespace
}  // namespace flagmesh::flags
