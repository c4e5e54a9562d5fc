#include "control/config/parse_ofrep.h"

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

TEST(ParseOfrep, TakesWhatIsThere) {
  const ParsedConfig parsed = parse_config(
      proxy("ofrep: { tokens: t.yaml, origins: [\"https://shop.example\"], bulk_evaluations: 5, event_streams: 0 }"),
      "/etc/f.yaml", [](const char*) { return std::string(); });
  ASSERT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics[0].text();
  EXPECT_EQ(parsed.config.proxy->ofrep_tokens, "/etc/t.yaml");
  EXPECT_EQ(parsed.config.proxy->ofrep.origins, std::vector<std::string>{"https://shop.example"});
  EXPECT_EQ(parsed.config.proxy->ofrep.bulk_evaluations, 5U);
  EXPECT_EQ(parsed.config.proxy->ofrep.event_streams, 0U);
}

TEST(ParseOfrep, TheEngineHasItsOwn) {
  const ParsedConfig parsed =
      parse_config("trust: { policy: unsigned }\nengine: { tokens: t.yaml, rate_limit: 5, ofrep: { origins: [] } }\n",
                   "/etc/f.yaml", [](const char*) { return std::string(); });
  ASSERT_FALSE(has_errors(parsed.diagnostics)) << parsed.diagnostics[0].text();
  EXPECT_EQ(parsed.config.engine->tokens, "/etc/t.yaml");
  EXPECT_EQ(parsed.config.engine->rate_limit, 5U);
  EXPECT_TRUE(parsed.config.engine->ofrep.origins.empty());
}

TEST(ParseOfrep, OriginsAreWhatBrowsersSend) {
  for (const std::string wrong : {"shop.example", "https://", "https://shop.example/", "https://Shop.example",
                                  "https://a@shop.example", "https://shop.example/x"}) {
    const ParsedConfig parsed = parse_config(proxy("ofrep: { origins: [\"" + wrong + "\"] }"), "f.yaml",
                                             [](const char*) { return std::string(); });
    ASSERT_TRUE(has_errors(parsed.diagnostics)) << wrong;
    EXPECT_NE(parsed.diagnostics[0].message.find("is no origin"), std::string::npos) << parsed.diagnostics[0].message;
  }
}

}  // namespace
}  // namespace flagmesh::config
