#include "control/ofrep/ofrep_handler.h"

#include "tests/control/ofrep/ofrep_fixture.h"

namespace flagmesh::ofrep {
namespace {

using fakes::Message;

TEST_F(OfrepTest, EvaluatesOneFlag) {
  const Message jack = one("checkout", R"({"targetingKey":"jack","plan":"pro"})");
  EXPECT_EQ(jack.status(), 200);
  EXPECT_EQ(jack.field("content-type"), "application/json");
  EXPECT_EQ(jack.body,
            R"({"key":"checkout","reason":"TARGETING_MATCH","value":true,"variant":"on",)"
            R"("metadata":{"team":"shop","version":3}})");
  // The flag's own metadata win over the set's.
  EXPECT_EQ(one("banner").body,
            R"({"key":"banner","reason":"STATIC","value":"#00f","variant":"blue",)"
            R"("metadata":{"team":"shop","owner":"anna","version":4}})");
}

TEST_F(OfrepTest, EveryErrorHasItsCodeAndStatus) {
  const struct {
    std::string key;
    std::string body;
    int status;
    std::string code;
  } kRows[] = {
      {"nothing", "{}", 404, "FLAG_NOT_FOUND"},
      {"a%2Fb", "{}", 404, "FLAG_NOT_FOUND"},
      {"checkout", "{", 400, "PARSE_ERROR"},
      {"checkout", "[]", 400, "PARSE_ERROR"},
      {"checkout", "7", 400, "PARSE_ERROR"},
      {"checkout", R"({"context":{"a":1,"a":2}})", 400, "PARSE_ERROR"},
      {"checkout", R"({"context":{"a":1e999}})", 400, "PARSE_ERROR"},
      {"checkout", "{\"context\":{\"a\":\"\xff\"}}", 400, "PARSE_ERROR"},
      {"checkout", R"({"context":)" + std::string(40, '[') + std::string(40, ']') + "}", 400,
       "PARSE_ERROR"},
      {"checkout", R"({"context":[]})", 400, "INVALID_CONTEXT"},
      {"checkout", R"({"context":"alice"})", 400, "INVALID_CONTEXT"},
      {"checkout", R"({"context":{"targetingKey":7}})", 400, "INVALID_CONTEXT"},
      {"nodefault", "{}", 400, "TARGETING_KEY_MISSING"},
      {"broken", "{}", 400, "PARSE_ERROR"},
      {"unknown", "{}", 500, "GENERAL"},
  };
  for (const auto& row : kRows) {
    const Message reply = ask("POST", "/ofrep/v1/evaluate/flags/" + row.key, row.body);
    EXPECT_EQ(reply.status(), row.status) << row.key << " " << row.body << reply.body;
    EXPECT_NE(reply.body.find("\"errorCode\":\"" + row.code + "\""), std::string::npos)
        << row.body << reply.body;
    EXPECT_NE(reply.body.find("\"errorDetails\":\""), std::string::npos) << reply.body;
  }
  EXPECT_EQ(
      ask("POST", "/ofrep/v1/evaluate/flags/checkout", std::string(kBodyBytes + 1, ' ')).status(),
      413);
}

TEST_F(OfrepTest, ContextsMayBeLeftOut) {
  for (const std::string body : {"", "{}", R"({"context":null})", R"({"context":{}})",
                                 R"({"context":{"targetingKey":null},"more":[1]})"}) {
    const Message reply = ask("POST", "/ofrep/v1/evaluate/flags/checkout", body);
    EXPECT_EQ(reply.status(), 200) << body;
    EXPECT_NE(reply.body.find(R"("reason":"DEFAULT","value":false)"), std::string::npos)
        << reply.body;
  }
}

TEST_F(OfrepTest, ADisabledFlagHasNeitherValueNorVariant) {
  const Message reply = one("dark");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.body, R"({"key":"dark","reason":"DISABLED",)"
                        R"("metadata":{"team":"shop","version":3}})");
}

TEST_F(OfrepTest, OtherPathsAndMethods) {
  EXPECT_EQ(ask("POST", "/ofrep/v1/other").status(), 404);
  EXPECT_EQ(ask("POST", "/ofrep").status(), 404);
  EXPECT_EQ(ask("POST", "/ofrep/v1/evaluate/flags/").status(), 404);
  const Message get = ask("GET", "/ofrep/v1/evaluate/flags");
  EXPECT_EQ(get.status(), 405);
  EXPECT_EQ(get.field("allow"), "POST");
  EXPECT_EQ(ask("GET", "/ofrep/v1/configuration").status(), 200);
}

TEST_F(OfrepTest, ExplainsOnDemand) {
  const Message pro = ask("POST", "/ofrep/v1/evaluate/flags/checkout?explain=true",
                          R"({"context":{"targetingKey":"jack","plan":"pro"}})");
  EXPECT_NE(pro.body.find(R"("flagmesh.rule":"/targeting/if/1")"), std::string::npos) << pro.body;
  EXPECT_EQ(pro.body.find("flagmesh.bucket"), std::string::npos) << pro.body;
  const Message jack = ask("POST", "/ofrep/v1/evaluate/flags/checkout?x=1&explain=1",
                           R"({"context":{"targetingKey":"jack"}})");
  EXPECT_NE(jack.body.find(R"("flagmesh.rule":"/targeting/if/2")"), std::string::npos) << jack.body;
  EXPECT_NE(jack.body.find(R"("flagmesh.buckets":100)"), std::string::npos) << jack.body;
}

TEST_F(OfrepTest, EvaluatesAllFlagsInKeyOrder) {
  const Message reply = all(R"({"targetingKey":"jack"})");
  ASSERT_EQ(reply.status(), 200);
  const auto body = flags::parse_json(reply.body);
  ASSERT_TRUE(body) << reply.body;
  std::string keys;
  for (const auto& flag : body->find("flags")->array()) {
    keys += flag.find("key")->string() + " ";
    if (flag.find("key")->string() == "broken") {
      EXPECT_EQ(flag.find("errorCode")->string(), "PARSE_ERROR");
    }
    if (flag.find("key")->string() == "dark") EXPECT_EQ(flag.find("value"), nullptr);
  }
  EXPECT_EQ(keys, "banner broken checkout dark nodefault unknown ");
  EXPECT_EQ(body->find("metadata")->find("team")->string(), "shop");
  const auto& stream = body->find("eventStreams")->array()[0];
  EXPECT_EQ(stream.find("type")->string(), "sse");
  EXPECT_TRUE(stream.find("endpoint")
                  ->find("requestUri")
                  ->string()
                  .starts_with("/ofrep/v1/events?since=0101"));
}

TEST_F(OfrepTest, TheTagCoversFlagsAndContext) {
  const std::string tag(all(R"({"targetingKey":"jack","plan":"pro"})").field("etag"));
  ASSERT_EQ(tag.size(), 34U);
  const Message same =
      all(R"({"plan":"pro","targetingKey":"jack"})", "If-None-Match: " + tag + "\r\n");
  EXPECT_EQ(same.status(), 304);
  EXPECT_EQ(same.field("etag"), tag);
  EXPECT_EQ(
      all(R"({"plan":"pro","targetingKey":"jack"})", "If-None-Match: \"x\", W/" + tag + "\r\n")
          .status(),
      304);
  EXPECT_EQ(all(R"({"targetingKey":"jill"})", "If-None-Match: " + tag + "\r\n").status(), 200);
  publish(kFlags, 2);
  EXPECT_EQ(
      all(R"({"targetingKey":"jack","plan":"pro"})", "If-None-Match: " + tag + "\r\n").status(),
      200);
}

TEST_F(OfrepTest, ManyFlagsAreEvaluatedInSlices) {
  std::string flags = "flags:\n";
  for (int i = 0; i < 3000; ++i) {
    flags +=
        "  f" + std::to_string(i) + ": { state: ENABLED, variants: { a: 1 }, defaultVariant: a }\n";
  }
  publish(flags, 3);
  const auto body = flags::parse_json(all().body);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->find("flags")->array().size(), 3000U);
  // A client that goes meanwhile is not answered.
  client_->say("POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  mesh_.turn();
  client_->reset();
  mesh_.turns(30);
}

TEST_F(OfrepTest, AnnouncesChanges) {
  client_->say("GET /ofrep/v1/events HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n\r\n");
  ASSERT_TRUE(mesh_.until([&] { return client_->got.find("retry: 2000") != std::string::npos; }));
  EXPECT_NE(client_->got.find("text/event-stream"), std::string::npos);
  EXPECT_NE(client_->got.find("access-control-allow-origin: *"), std::string::npos);
  EXPECT_EQ(client_->got.find("refetchEvaluation"), std::string::npos);
  publish(kFlags, 1);  // nothing changed
  mesh_.turns(3);
  EXPECT_EQ(client_->got.find("refetchEvaluation"), std::string::npos);
  publish(kFlags, 2);
  ASSERT_TRUE(
      mesh_.until([&] { return client_->got.find("refetchEvaluation") != std::string::npos; }));
  EXPECT_NE(client_->got.find("id: 0202"), std::string::npos);

  // One that knows an older state is told at once.
  fakes::Peer& late = mesh_.client();
  late.say("GET /ofrep/v1/events?since=0101.0 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(mesh_.until([&] { return late.got.find("refetchEvaluation") != std::string::npos; }));
  mesh_.loop().post([this] { handler_.drain(); });
  EXPECT_TRUE(mesh_.until([&] { return late.got.find("\r\n0\r\n\r\n") != std::string::npos; }));
}

TEST_F(OfrepTest, AnnouncesTheStepOfARamp) {
  const int64_t step = mesh_.loop().unix_seconds() + 2;
  const std::string ramp =
      "flags:\n  ramp:\n    state: ENABLED\n    variants: { a: 1, b: 2 }\n    defaultVariant: a\n"
      "    targeting: { if: [{ \"<\": [{ var: $flagd.timestamp }, " +
      std::to_string(step) + "] }, a, b] }\n";
  publish(ramp, 5);
  const std::string before(all().field("etag"));
  fakes::Peer& listener = mesh_.client();
  listener.say("GET /ofrep/v1/events HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(
      mesh_.until([&] { return listener.got.find("refetchEvaluation") != std::string::npos; }));
  EXPECT_GE(mesh_.loop().unix_seconds(), step);
  const Message after = all("{}", "If-None-Match: " + before + "\r\n");
  EXPECT_EQ(after.status(), 200);
  EXPECT_NE(after.body.find(R"("value":2)"), std::string::npos);
}

TEST_F(OfrepTest, BrowsersMayAsk) {
  const Message preflight =
      ask("OPTIONS", "/ofrep/v1/evaluate/flags", "",
          "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n"
          "Access-Control-Request-Headers: content-type,if-none-match\r\n");
  EXPECT_EQ(preflight.status(), 204);
  EXPECT_EQ(preflight.field("access-control-allow-origin"), "*");
  EXPECT_NE(preflight.field("access-control-allow-headers").find("if-none-match"),
            std::string::npos);
  const Message reply = all("{}", "Origin: https://shop.example\r\n");
  EXPECT_EQ(reply.field("access-control-allow-origin"), "*");
  EXPECT_NE(reply.field("access-control-expose-headers").find("etag"), std::string::npos);
  EXPECT_EQ(all().field("access-control-allow-origin"), "");
}

struct OriginsTest : OfrepTest {
  OriginsTest() : OfrepTest("", {.config = {.origins = {"https://shop.example"}}}) {}
};

TEST_F(OriginsTest, OnlyThoseThatAreListed) {
  EXPECT_EQ(all("{}", "Origin: https://shop.example\r\n").field("access-control-allow-origin"),
            "https://shop.example");
  const Message other = all("{}", "Origin: https://evil.example\r\n");
  EXPECT_EQ(other.field("access-control-allow-origin"), "");
  EXPECT_EQ(other.field("vary"), "origin");
}

struct BudgetTest : OfrepTest {
  BudgetTest() : OfrepTest("", {.config = {.bulk_evaluations = 4, .event_streams = 1}}) {}
};

TEST_F(BudgetTest, BulkWorkIsBounded) {
  EXPECT_EQ(all().status(), 200);
  const Message refused = all();
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.field("retry-after"), "1");
  EXPECT_EQ(one("banner").status(), 200);
}

TEST_F(BudgetTest, EventStreamsAreBounded) {
  fakes::Peer& first = mesh_.client();
  first.say("GET /ofrep/v1/events HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(mesh_.until([&] { return first.got.find("retry:") != std::string::npos; }));
  EXPECT_EQ(ask("GET", "/ofrep/v1/events").status(), 429);
}

OfrepOptions with_tokens() {
  const std::string text =
      "tokens:\n"
      "  - { name: app, role: viewer, tenants: [default], sha256: \"" +
      merkle::sha256("fm_app").hex() +
      "\" }\n  - { name: other, role: admin, tenants: [other], sha256: \"" +
      merkle::sha256("fm_other").hex() + "\" }\n";
  return {.config = {}, .tokens = *config::ApiTokens::parse(text, "tokens.yaml")};
}

struct TokensTest : OfrepTest {
  TokensTest() : OfrepTest("", with_tokens()) {}
};

TEST_F(TokensTest, AreAskedFor) {
  const Message none = all();
  EXPECT_EQ(none.status(), 401);
  EXPECT_EQ(none.field("www-authenticate"), "Bearer");
  EXPECT_EQ(all("{}", "Authorization: Bearer fm_wrong\r\n").status(), 401);
  EXPECT_EQ(all("{}", "Authorization: Basic fm_app\r\n").status(), 401);
  EXPECT_EQ(all("{}", "X-API-Key: fm_app\r\nX-API-Key: fm_app\r\n").status(), 401);
  EXPECT_EQ(all("{}", "Authorization: Bearer fm_other\r\n").status(), 403);
  EXPECT_EQ(all("{}", "X-API-Key: fm_app\r\n").status(), 200);
  const Message bulk = all("{}", "authorization: bearer fm_app\r\n");
  ASSERT_EQ(bulk.status(), 200);
  // A browser's EventSource has only the URL.
  const auto body = flags::parse_json(bulk.body);
  const std::string uri =
      body->find("eventStreams")->array()[0].find("endpoint")->find("requestUri")->string();
  EXPECT_EQ(ask("GET", "/ofrep/v1/events").status(), 401);
  client_->say("GET " + uri + " HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(mesh_.until([&] { return client_->got.find("retry:") != std::string::npos; }));
}

TEST_F(OfrepTest, StaleStateIsMarked) {
  snapshot::TrustStatus trust = fakes::Mesh::unsigned_trust();
  trust.policy = snapshot::TrustPolicy::kSigned;
  mesh_.publish(kFlags, trust);
  const Message reply = one("banner");
  EXPECT_EQ(reply.status(), 200);
  EXPECT_EQ(reply.field("x-flagmesh-stale"), "true");
  EXPECT_NE(reply.body.find(R"("flagmesh.stale":true)"), std::string::npos) << reply.body;
  trust.epoch = 0;
  trust.proven = false;
  mesh_.publish("flags: {}", trust);
  EXPECT_EQ(one("banner").status(), 503);
}

struct RefuseTest : OfrepTest {
  RefuseTest() : OfrepTest(", when_unproven: refuse") {}
};

TEST_F(RefuseTest, UnprovenStateIsRefusedWhereTheRouteSaysSo) {
  EXPECT_EQ(one("banner").status(), 200);
  snapshot::TrustStatus trust = fakes::Mesh::unsigned_trust();
  trust.policy = snapshot::TrustPolicy::kSigned;
  mesh_.publish(kFlags, trust);
  EXPECT_EQ(one("banner").status(), 503);
}

}  // namespace
}  // namespace flagmesh::ofrep
