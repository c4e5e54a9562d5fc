#include "control/engine/flag_request.h"

#include <gtest/gtest.h>

#include "control/flags/canonical_json.h"
#include "control/flags/read_json.h"

namespace flagmesh::engine {
namespace {

flags::JsonValue json(const char* text) {
  return *flags::parse_json(text);
}

TEST(FlagRequest, ChangesAreReadAndWrittenAlike) {
  for (const char* text : {R"({"rollout":{"off":75,"on":25}})", R"({"enabled":true})",
                           R"({"enabled":false})", R"({"kill":"off"})", R"({"reset":true})"}) {
    const auto request = change_request(json(text));
    ASSERT_TRUE(request) << text << request.error().text();
    EXPECT_EQ(flags::canonical_json(change_json(*request)), text);
  }
}

TEST(FlagRequest, OneChangeAndNothingUnknown) {
  for (const char* text :
       {"[]", "{}", R"({"kill":1})", R"({"enabled":"true"})", R"({"reset":false})",
        R"({"delete":true})", R"({"kill":"a","reset":true})"}) {
    EXPECT_EQ(change_request(json(text)).error().code, "bad_request") << text;
  }
  EXPECT_EQ(change_request(json(R"({"rollout":{}})")).error().code, "bad_weights");
  EXPECT_TRUE(change_request(json(R"({"flag":"x","kill":"a"})"), {"flag"}));
}

TEST(FlagRequest, BodiesOfTheApi) {
  EXPECT_EQ(state_request(json(R"({"state":"DISABLED"})"))->enabled, false);
  EXPECT_EQ(state_request(json(R"({"state":"ENABLED"})"))->enabled, true);
  for (const char* text : {R"({"state":"disabled"})", R"({})", R"({"state":"ENABLED","x":1})"}) {
    EXPECT_FALSE(state_request(json(text))) << text;
  }
  EXPECT_EQ(kill_request(json(R"({"variant":"off"})"))->kill, "off");
  EXPECT_FALSE(kill_request(json(R"({"variant":null})")));
  const auto definition = definition_request(
      json(
          R"({"enabled":true,"variants":{"a":1,"b":2},"defaultVariant":"a","rollout":{"a":1,"b":1}})"),
      "key", "default");
  ASSERT_TRUE(definition) << definition.error().text();
  EXPECT_EQ(definition->definition->key, "key");
}

TEST(FlagRequest, WhatLoadingOnlyWarnsOfIsRefusedHere) {
  const auto mixed = definition_request(
      json(R"({"state":"ENABLED","variants":{"a":1,"b":"x"},"defaultVariant":"a"})"), "key",
      "default");
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, "bad_flag");
}

}  // namespace
}  // namespace flagmesh::engine
