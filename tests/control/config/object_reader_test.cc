#include "control/config/object_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "control/flags/yaml.h"

namespace flagmesh::config {
namespace {

// One mapping, read by `read`; what was reported.
template <class Read>
std::string reported(const std::string& yaml, Read read) {
  const auto value = flags::read_yaml(yaml, "dir/f.yaml");
  EXPECT_TRUE(value) << value.error().text();
  Diagnostics out;
  Report report("dir/f.yaml", out);
  ObjectReader reader(report, *value, "thing");
  read(reader);
  reader.finish();
  EXPECT_EQ(report.errors(),
            static_cast<size_t>(std::ranges::count(out, Severity::kError, &Diagnostic::severity)));
  std::string texts;
  for (const Diagnostic& d : out) texts += d.text() + "\n";
  return texts;
}

TEST(ObjectReader, AbsentMembersKeepTheirDefaults) {
  std::string text = "default";
  Millis duration = 5;
  uint64_t size = 6;
  double share = 0.7;
  bool flag = true;
  uint8_t count = 8;
  const auto read = [&](ObjectReader& r) {
    r.text("text", text);
    r.path("path", text);
    r.duration("duration", duration);
    r.size("size", size);
    r.percent("share", share);
    r.boolean("flag", flag);
    r.count("count", count, 1, 9);
    EXPECT_TRUE(r.text_list("list").empty());
  };
  EXPECT_EQ(reported("{}", read), "");
  EXPECT_EQ(std::tuple(text, duration, size, share, flag, count),
            std::tuple("default", 5u, 6u, 0.7, true, 8));
}

TEST(ObjectReader, WrongMembersKeepTheirDefaultsToo) {
  uint8_t count = 8;
  Millis duration = 5;
  EXPECT_EQ(
      reported("{ count: 10, duration: 3 }",
               [&](ObjectReader& r) {
                 r.count("count", count, 1, 9);
                 r.duration("duration", duration);
               }),
      "dir/f.yaml:1:10: error: 'count' in thing must be a whole number from 1 to 9\n"
      "dir/f.yaml:1:24: error: 'duration' in thing has no unit; write ms, s, m or h, such as 5s\n");
  EXPECT_EQ(count, 8);
  EXPECT_EQ(duration, 5u);
}

TEST(ObjectReader, WholeNumbersAreWhole) {
  uint32_t count = 0;
  const auto read = [&](ObjectReader& r) { r.count("n", count, 0, 4'000'000'000); };
  for (const char* bad : {"1.5", "-1", "4000000001", "\"1\"", "true", "[1]", "1e30"}) {
    EXPECT_NE(reported("n: " + std::string(bad), read), "") << bad;
  }
  for (const char* good : {"0", "4000000000", "1.0", "0x10"}) {
    EXPECT_EQ(reported("n: " + std::string(good), read), "") << good;
  }
  EXPECT_EQ(count, 16u);
}

TEST(ObjectReader, UnknownKeysOfAnySize) {
  const auto read = [](ObjectReader& r) { r.has("address"); };
  EXPECT_EQ(reported("adress: 1", read),
            "dir/f.yaml:1:1: error: unknown key 'adress' in thing; did you mean 'address'?\n");
  EXPECT_EQ(reported("q: 1", read),
            "dir/f.yaml:1:1: error: unknown key 'q' in thing; known here: address\n");
  const std::string huge = "\"" + std::string(900, 'a') + "\": 1";
  EXPECT_TRUE(reported(huge, read).contains("known here: address"));
  EXPECT_EQ(reported("{ address: 1, adress: 2 }", read),
            "dir/f.yaml:1:15: error: unknown key 'adress' in thing; known here: address\n")
      << "what is there already is not what was meant";
}

TEST(ObjectReader, WhatIsNoMappingIsReportedOnce) {
  EXPECT_EQ(reported("[1]", [](ObjectReader& r) { r.has("a"); }),
            "dir/f.yaml:1:1: error: thing must be a mapping, not a list\n");
}

TEST(ObjectReader, LaterAllowsTheHarmlessValue) {
  static const flags::JsonValue kFalse(false);
  const auto read = [](ObjectReader& r) { r.later("tls", "TLS", &kFalse); };
  EXPECT_EQ(reported("tls: false", read), "");
  EXPECT_EQ(reported("tls: true", read),
            "dir/f.yaml:1:1: error: 'tls' in thing: this build does not have TLS yet; remove it\n");
}

TEST(ObjectReader, PathsAreRelativeToTheFile) {
  Diagnostics out;
  EXPECT_EQ(Report("dir/f.yaml", out).resolve("keys/a"), "dir/keys/a");
  EXPECT_EQ(Report("dir/f.yaml", out).resolve("../a"), "a");
  EXPECT_EQ(Report("dir/f.yaml", out).resolve("/etc/a"), "/etc/a");
  EXPECT_EQ(Report("f.yaml", out).resolve("a/*.yaml"), "a/*.yaml");
  EXPECT_EQ(Report("/etc/f.yaml", out).resolve("a"), "/etc/a");
}

}  // namespace
}  // namespace flagmesh::config
