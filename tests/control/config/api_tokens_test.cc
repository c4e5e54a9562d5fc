#include "control/config/api_tokens.h"

#include <gtest/gtest.h>

namespace flagmesh::config {
namespace {

constexpr int64_t kDay = 24 * 60 * 60;

std::string file_of(const std::string& entries) { return "tokens:\n" + entries; }

TEST(ApiTokensTest, FindsATokenThatWasMade) {
  const auto alice = make_api_token("alice", ApiRole::kEditor, {"default", "eu"});
  const auto root = make_api_token("root", ApiRole::kAdmin, {});
  ASSERT_TRUE(alice && root);
  const auto tokens =
      ApiTokens::parse(file_of("  " + alice->entry + "\n  " + root->entry + "\n"), "t.yaml");
  ASSERT_TRUE(tokens) << tokens.error().text();
  EXPECT_EQ(alice->token.size(), 67U);
  const ApiToken* found = (*tokens)->find(alice->token);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "alice");
  EXPECT_TRUE(found->may(ApiRole::kViewer, "eu"));
  EXPECT_TRUE(found->may(ApiRole::kEditor, "default"));
  EXPECT_FALSE(found->may(ApiRole::kAdmin, "default"));
  EXPECT_FALSE(found->may(ApiRole::kViewer, "us"));
  EXPECT_TRUE((*tokens)->find(root->token)->may(ApiRole::kAdmin, "us"));
  EXPECT_EQ((*tokens)->find("fm_other"), nullptr);
  EXPECT_EQ((*tokens)->find(""), nullptr);
}

TEST(ApiTokensTest, MistakesHaveTheirPlace) {
  const std::string hash(64, 'a');
  const struct {
    std::string text;
    std::string part;
  } kRows[] = {
      {"", "this is no file of tokens"},
      {"tokens: []\n", "no list 'tokens'"},
      {file_of("  - { name: a, role: viewer }\n"), "has no 'sha256'"},
      {file_of("  - { name: a, sha256: \"" + hash + "\" }\n"), "has no 'role'"},
      {file_of("  - { role: viewer, sha256: \"" + hash + "\" }\n"), "has no 'name'"},
      {file_of("  - { name: a, role: owner, sha256: \"" + hash + "\" }\n"), "t.yaml:2:22"},
      {file_of("  - { name: a, role: viewer, tenants: [], sha256: \"" + hash + "\" }\n"), "is empty"},
      {file_of("  - { name: a, role: viewer, tenants: [A], sha256: \"" + hash + "\" }\n"),
       "no name for a tenant"},
      {file_of("  - { name: a, role: viewer, sha256: \"" + hash + "\", more: 1 }\n"), "more"},
      {file_of("  - { name: a, role: viewer, sha256: \"" + hash + "\" }\n" +
               "  - { name: b, role: viewer, sha256: \"" + hash + "\" }\n"),
       "two entries are for one token"},
      {file_of("  - { name: a, role: viewer, sha256: \"" + hash + "\" }\n" +
               "  - { name: a, role: viewer, sha256: \"" + std::string(64, 'b') + "\" }\n"),
       "two tokens are named 'a'"},
  };
  for (const auto& row : kRows) {
    const auto tokens = ApiTokens::parse(row.text, "t.yaml");
    ASSERT_FALSE(tokens) << row.text;
    EXPECT_EQ(tokens.error().code, "bad_tokens");
    EXPECT_NE(tokens.error().message.find(row.part), std::string::npos) << tokens.error().message;
  }
}

TEST(ApiTokensTest, TicketsAreForATenantAndTwoDays) {
  const auto made = make_api_token("a", ApiRole::kViewer, {});
  const auto tokens = ApiTokens::parse(file_of("  " + made->entry + "\n"), "t.yaml");
  const int64_t now = 20'000 * kDay + 5;
  const std::string ticket = (*tokens)->ticket("eu", now);
  EXPECT_TRUE((*tokens)->is_ticket(ticket, "eu", now + kDay));
  EXPECT_FALSE((*tokens)->is_ticket(ticket, "eu", now + 2 * kDay));
  EXPECT_FALSE((*tokens)->is_ticket(ticket, "us", now));
  EXPECT_FALSE((*tokens)->is_ticket("", "eu", now));
}

TEST(ApiTokensTest, ComparesWholly) {
  EXPECT_TRUE(same_in_constant_time("abc", "abc"));
  EXPECT_FALSE(same_in_constant_time("abc", "abd"));
  EXPECT_FALSE(same_in_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace flagmesh::config
