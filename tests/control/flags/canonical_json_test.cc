#include "control/flags/canonical_json.h"

#include <gtest/gtest.h>

#include <bit>

#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

std::string canonical(std::string_view json) {
  const auto value = parse_json(json);
  return value ? canonical_json(*value) : value.error().text();
}

// RFC 8785 appendix B: IEEE 754 bits and what ECMAScript prints.
TEST(CanonicalJson, NumbersOfAppendixB) {
  const std::pair<uint64_t, const char*> table[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : table)
    EXPECT_EQ(ecmascript_number(std::bit_cast<double>(bits)), text);
}

TEST(CanonicalJson, SortsNamesByUtf16CodeUnits) {
  // RFC 8785 §3.2.3: the order is CR, 1, U+0080, U+00F6, U+20AC, U+1F600 (a surrogate pair),
  // U+FB33.
  EXPECT_EQ(
      canonical(R"({"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7})"),
      "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001F600\":5,\"\uFB33\":3}");
}

TEST(CanonicalJson, Utf16OrderOfEveryPairOfLengths) {
  const std::vector<std::string> sorted = {"",           "a",      "aa",     "b",
                                           "\u00e9",     "\u0800", "\ud7ff", "\U00010000",
                                           "\U0010FFFF", "\ue000", "\uffff", "\uffffa"};
  for (size_t i = 0; i < sorted.size(); ++i) {
    for (size_t j = 0; j < sorted.size(); ++j)
      EXPECT_EQ(utf16_less(sorted[i], sorted[j]), i < j) << i << " " << j;
  }
}

TEST(CanonicalJson, EscapesOnlyWhatItMust) {
  EXPECT_EQ(canonical(R"("\u0041\/\"\\\b\f\n\r\t\u001f\u007f\u2028€")"),
            "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\u2028\u20ac\"");
}

TEST(CanonicalJson, HasNoWhiteSpace) {
  EXPECT_EQ(canonical(" { \"b\" : [ 1.0 , true , null ] , \"a\" : { } } "),
            R"({"a":{},"b":[1,true,null]})");
}

}  // namespace
}  // namespace flagmesh::flags
