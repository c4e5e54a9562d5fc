#include "control/flags/context.h"

#include <gtest/gtest.h>

#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

TEST(ContextPath, SplitsAtTheFirstDot) {
  const ContextPath path = ContextPath::of("header.x-user.id");
  EXPECT_EQ(path.head(), "header");
  EXPECT_EQ(path.tail(), "x-user.id");
  EXPECT_EQ(ContextPath::of("path").head(), "path");
  EXPECT_EQ(ContextPath::of("path").tail(), "");
  EXPECT_EQ(ContextPath::of("").head(), "");
}

TEST(JsonContext, WalksObjectsAndArrays) {
  const JsonValue object = *parse_json(R"({"targetingKey":"u","a":{"b":[10,{"c":null}]},"a.b":1})");
  const JsonContext context(object, 5);
  EXPECT_EQ(context.targeting_key(), "u");
  EXPECT_EQ(context.unix_seconds(), 5);
  const auto at = [&](const char* path) { return context.lookup(ContextPath::of(path)); };
  EXPECT_EQ(at("a.b.0").json()->number(), 10);
  EXPECT_EQ(at("a.b.1.c").kind(), ContextValue::Kind::kJson);  // null is there
  for (const char* path :
       {"x", "a.x", "a.b.2", "a.b.x", "a.b.-1", "a.b.0.x", "a.b.1.c.d", "a..b"}) {
    EXPECT_EQ(at(path).kind(), ContextValue::Kind::kAbsent) << path;
  }
  EXPECT_EQ(at("").json(), &object);
}

TEST(JsonContext, ATargetingKeyIsAText) {
  const JsonValue number = *parse_json(R"({"targetingKey":5})");
  EXPECT_FALSE(JsonContext(number, 0).targeting_key());
  const JsonValue empty = *parse_json(R"({"targetingKey":""})");
  EXPECT_EQ(JsonContext(empty, 0).targeting_key(), "");
}

}  // namespace
}  // namespace flagmesh::flags
