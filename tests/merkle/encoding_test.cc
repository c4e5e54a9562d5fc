#include "merkle/encoding.h"

#include <gtest/gtest.h>

namespace flagmesh::merkle {
namespace {

using namespace std::string_literals;

TEST(Encoding, HexHasOneSpelling) {
  EXPECT_EQ(hex_encode("\x00\xAB\xFF"s), "00abff");
  EXPECT_EQ(hex_decode("00abff").value(), "\x00\xAB\xFF"s);
  for (const char* bad : {"0", "0A", "0g", " 00", "00 ", "0x"})
    EXPECT_FALSE(hex_decode(bad)) << bad;
}

// RFC 4648 section 10.
TEST(Encoding, Base64Vectors) {
  const std::pair<std::string, std::string> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"},
                                                          {"\xFB\xFF", "+/8="}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text).value(), bytes);
  }
}

TEST(Encoding, Base64HasOneSpelling) {
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v",
                          "Zm9v\n", "Zm-_", "=Zm9", "Zm=v"})
    EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Encoding, Utf8IsWellFormed) {
  for (const char* good :
       {"", "a", "\u00E9", "\u20AC", "\U0001F600", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "a\xFF"})
    EXPECT_FALSE(is_utf8(bad)) << hex_encode(bad);
}

TEST(Encoding, DecimalHasOneSpelling) {
  EXPECT_EQ(parse_decimal("0").value(), 0u);
  EXPECT_EQ(parse_decimal("18446744073709551615").value(), UINT64_MAX);
  for (const char* bad : {"", "00", "01", "-1", "+1", " 1", "1 ", "1a", "18446744073709551616",
                          "99999999999999999999", "100000000000000000000"})
    EXPECT_FALSE(parse_decimal(bad)) << bad;
}

TEST(Encoding, IntegersAreBigEndian) {
  std::string bytes;
  append_u32(bytes, 0x01020304);
  append_u64(bytes, 0x05060708090A0B0C);
  EXPECT_EQ(hex_encode(bytes), "0102030405060708090a0b0c");
  EXPECT_EQ(read_u32(bytes), 0x01020304u);
  EXPECT_EQ(read_u64(std::string_view(bytes).substr(4)), 0x05060708090A0B0Cu);
}

}  // namespace
}  // namespace flagmesh::merkle
