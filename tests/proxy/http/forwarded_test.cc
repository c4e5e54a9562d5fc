#include "proxy/http/forwarded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flagmesh::http {
namespace {

// "node|host|proto" of each element, then "bad" if it ended so.
std::vector<std::string> read(std::string_view value) {
  BlockPool pool;
  Arena arena(pool);
  ForwardedReader reader(value, arena);
  std::vector<std::string> seen;
  while (const auto element = reader.next()) {
    seen.push_back(std::string(element->node) + "|" + std::string(element->host) + "|" +
                   std::string(element->proto));
  }
  if (reader.bad()) seen.emplace_back("bad");
  return seen;
}

using Seen = std::vector<std::string>;

TEST(Forwarded, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(read("for=\"_gazonk\""), Seen{"_gazonk||"});
  EXPECT_EQ(read("For=\"[2001:db8:cafe::17]:4711\""), Seen{"[2001:db8:cafe::17]:4711||"});
  EXPECT_EQ(read("for=192.0.2.60;proto=http;by=203.0.113.43"), Seen{"192.0.2.60||http"});
  EXPECT_EQ(read("for=192.0.2.43, for=198.51.100.17"), (Seen{"192.0.2.43||", "198.51.100.17||"}));
  EXPECT_EQ(read("for=192.0.2.43, for=\"[2001:db8:cafe::17]\",for=unknown"),
            (Seen{"192.0.2.43||", "[2001:db8:cafe::17]||", "unknown||"}));
}

TEST(Forwarded, ReadsWhatTheGrammarAllows) {
  EXPECT_EQ(read("host=\"shop.test:80\";FOR=\"192.0.2.43:1\";secret=x"),
            Seen{"192.0.2.43:1|shop.test:80|"});
  EXPECT_EQ(read("for=_a;secret=\"x,y;z=\\\"\",for=_b"), (Seen{"_a||", "_b||"}));
  EXPECT_EQ(read("for=\"un\\k\\nown\""), Seen{"unknown||"});
  EXPECT_EQ(read("for=_a;;proto=https;"), Seen{"_a||https"});
  EXPECT_EQ(read(" \tfor=_a \t,\tfor=_b "), (Seen{"_a||", "_b||"}));
  EXPECT_EQ(read("for=_a,,for=_b"), (Seen{"_a||", "||", "_b||"}));
  EXPECT_EQ(read(""), Seen{"||"});
  EXPECT_EQ(read("for=\"unknown:_x.y-z_1\""), Seen{"unknown:_x.y-z_1||"});
}

TEST(Forwarded, RefusesTheRest) {
  for (const char* value : {"for",
                            "for=",
                            "=x",
                            "for =x",
                            "for= x",
                            "for=_a ;proto=http",
                            "for=_a; proto=http",
                            "for=_a;for=_b",
                            "proto=http;proto=http",
                            "host=a;HOST=a",
                            "by=_a;by=_b",
                            "for=2001:db8::1",
                            "for=\"2001:db8::1\"",
                            "for=\"[2001:db8::1\"",
                            "for=[2001:db8::1]",
                            "for=\"[192.0.2.1]\"",
                            "for=192.0.2",
                            "for=192.0.2.256",
                            "for=name",
                            "for=\"192.0.2.1:\"",
                            "for=\"192.0.2.1:123456\"",
                            "for=\"192.0.2.1:x\"",
                            "for=_",
                            "for=\"_a b\"",
                            "for=\"unknown",
                            "for=\"unknown\\",
                            "for=unknown\"",
                            "for=\"\"",
                            "host=\"a b\"",
                            "host=\"a,b\"",
                            "host=\"u@a\"",
                            "host=\"\"",
                            "proto=\"1x\"",
                            "proto=\"ht tp\"",
                            "for=_a x",
                            "for=_a/",
                            "by=name",
                            "x=\"",
                            "for=_a;x",
                            "for=_a,for=_b;for=_c"}) {
    const Seen seen = read(value);
    ASSERT_FALSE(seen.empty()) << value;
    EXPECT_EQ(seen.back(), "bad") << value;
  }
}

TEST(Forwarded, TheAddressOfANode) {
  EXPECT_EQ(node_address("192.0.2.43"), "192.0.2.43");
  EXPECT_EQ(node_address("192.0.2.43:47011"), "192.0.2.43");
  EXPECT_EQ(node_address("[2001:db8::17]"), "2001:db8::17");
  EXPECT_EQ(node_address("[2001:db8::17]:_x"), "2001:db8::17");
  for (const char* node : {"unknown", "_hidden", "", "name", "2001:db8::17", "[::1", "1.2.3.4:"}) {
    EXPECT_EQ(node_address(node), "") << node;
  }
}

TEST(Forwarded, WritesValues) {
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(forwarded_value("192.0.2.1", arena), "192.0.2.1");
  EXPECT_EQ(forwarded_value("[2001:db8::1]", arena), "\"[2001:db8::1]\"");
  EXPECT_EQ(forwarded_value("shop.test:80", arena), "\"shop.test:80\"");
}

// 16 Ki escapes cost one copy, not one each.
TEST(Forwarded, ManyEscapesAreOneCopy) {
  std::string value = "x=\"";
  for (int i = 0; i < 1'000'000; ++i) value += "\\a";
  EXPECT_EQ(read(value + "\";for=_a"), Seen{"_a||"});
}

}  // namespace
}  // namespace flagmesh::http
