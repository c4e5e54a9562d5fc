#include "control/flags/flag_reader.h"

#include <gtest/gtest.h>

#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

FlagDefinition read(const std::string& json, Diagnostics& out, std::string_view key = "f") {
  static const std::string kFile = "f.json";
  static const JsonValue kNone;
  return read_flag(*parse_json(json), key, {}, false, FileContext{kFile, "t", kNone, kNone}, out);
}

TEST(FlagReader, RefusesWhatWouldNotFitThePublishedForm) {
  Diagnostics out;
  read(R"({"state":"ENABLED","variants":{"x":")" + std::string(300'000, 'x') + "\"}}", out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].message.find("larger than 256 KiB"), std::string::npos);
}

TEST(FlagReader, RefusesTooManyVariants) {
  std::string variants = "\"v\":1";
  for (int i = 0; i < 1000; ++i) variants += ",\"v" + std::to_string(i) + "\":1";
  Diagnostics out;
  read(R"({"state":"ENABLED","variants":{)" + variants + "}}", out);
  ASSERT_EQ(out.size(), 1U);
  EXPECT_NE(out[0].message.find("more than 1000 variants"), std::string::npos);
}

TEST(FlagReader, KeysArePrintableAndShort) {
  for (const std::string& key :
       {std::string("a\nb"), std::string("a\x7f"), std::string(257, 'k')}) {
    Diagnostics out;
    read(R"({"state":"ENABLED","variants":{"x":1}})", out, key);
    EXPECT_TRUE(has_errors(out)) << key;
  }
  Diagnostics out;
  EXPECT_EQ(read(R"({"state":"ENABLED","variants":{"x":1}})", out, "k\u00e9y.with-signs/1").key,
            "k\u00e9y.with-signs/1");
  EXPECT_TRUE(out.empty());
}

TEST(FlagReader, UnknownKeysNearKnownOnesAreErrors) {
  Diagnostics out;
  report_unknown_key({"varants", 1}, {"variants"}, "flag 'f'", "f", out);
  report_unknown_key({"owner", 1}, {"variants"}, "flag 'f'", "f", out);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0].severity, Severity::kError);
  EXPECT_EQ(out[1].severity, Severity::kWarning);
}

}  // namespace
}  // namespace flagmesh::flags
