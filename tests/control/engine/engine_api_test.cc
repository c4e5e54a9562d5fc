#include "control/engine/engine_api.h"

#include "control/flags/read_json.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

using http::Method;

class EngineApiTest : public EngineTest {
 protected:
  void SetUp() override {
    start_and_publish();
    api_ = std::make_unique<EngineApi>(*engine_);
  }

  stream::LocalResponse call(ApiRequest request) {
    std::optional<stream::LocalResponse> response;
    api_->handle(request, [&](stream::LocalResponse answer) { response = std::move(answer); });
    EXPECT_TRUE(pump([&] { return response.has_value(); }));
    return response.value_or(stream::LocalResponse{});
  }
  static ApiRequest local(Method method, std::string_view path, std::string_view body = {}) {
    return {method, path, body, "127.0.0.1:8071", "application/json", true};
  }

  std::unique_ptr<EngineApi> api_;
};

TEST_F(EngineApiTest, ReadsFlags) {
  const auto list = call(local(Method::kGet, "/api/v1/flags"));
  EXPECT_EQ(list.status, 200);
  EXPECT_NE(list.body.find(R"("rollout":{"off":75,"on":25})"), std::string::npos) << list.body;
  const auto one = call(local(Method::kGet, "/api/v1/flags/checkout"));
  EXPECT_EQ(one.status, 200);
  EXPECT_NE(one.body.find(R"("owner":"file")"), std::string::npos);
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/flags/other")).status, 404);
  EXPECT_EQ(call(local(Method::kGet, "/")).status, 404);
}

TEST_F(EngineApiTest, ChangesFlagsAndSaysTheEpoch) {
  const auto rollout =
      call(local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":50,"off":50})"));
  EXPECT_EQ(rollout.status, 200) << rollout.body;
  EXPECT_EQ(rollout.body, "{\"epoch\":2,\"flag\":\"checkout\"}\n");
  EXPECT_EQ(
      call(local(Method::kPost, "/api/v1/flags/checkout/state", R"({"state":"DISABLED"})")).status,
      200);
  EXPECT_EQ(
      call(local(Method::kPost, "/api/v1/flags/checkout/kill", R"({"variant":"off"})")).status,
      200);
  EXPECT_EQ(call(local(Method::kDelete, "/api/v1/flags/checkout")).status, 200);
  EXPECT_EQ(published_share(), 25);
  const auto created =
      call(local(Method::kPut, "/api/v1/flags/new%20flag",
                 R"({"state":"ENABLED","variants":{"a":1},"defaultVariant":"a"})"));
  EXPECT_EQ(created.status, 200) << created.body;
  EXPECT_NE(engine_->flags().find("new flag"), nullptr);
  EXPECT_EQ(call(local(Method::kDelete, "/api/v1/flags/new%20flag")).status, 200);
  EXPECT_EQ(engine_->flags().find("new flag"), nullptr);
}

TEST_F(EngineApiTest, ErrorsHaveCodeMessageAndMend) {
  const struct {
    Method method;
    const char* path;
    const char* body;
    int status;
    const char* code;
  } kRows[] = {
      {Method::kPost, "/api/v1/flags/checkout/rollout", "{", 400, "bad_json"},
      {Method::kPost, "/api/v1/flags/checkout/rollout", "[]", 400, "bad_weights"},
      {Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":-1,"off":1})", 400, "bad_weights"},
      {Method::kPost, "/api/v1/flags/checkout/rollout", R"({"onn":1})", 400, "unknown_variant"},
      {Method::kPost, "/api/v1/flags/chekout/rollout", R"({"on":1})", 404, "unknown_flag"},
      {Method::kPost, "/api/v1/flags/checkout/state", R"({"state":"off"})", 400, "bad_request"},
      {Method::kPost, "/api/v1/flags/checkout/kill", R"({})", 400, "bad_request"},
      {Method::kPost, "/api/v1/flags/checkout/other", R"({})", 404, "not_found"},
      {Method::kPut, "/api/v1/flags/x", R"({"variants":{}})", 400, "bad_flag"},
      {Method::kDelete, "/api/v1/flags/checkout", "", 409, "nothing_to_reset"},
      {Method::kPost, "/api/v1/flags/checkout", "{}", 405, "method_not_allowed"},
      {Method::kPost, "/api/v1/flags", "{}", 405, "method_not_allowed"},
      {Method::kPost, "/nothing", "{}", 404, "not_found"},
  };
  for (const auto& row : kRows) {
    const auto response = call(local(row.method, row.path, row.body));
    EXPECT_EQ(response.status, row.status) << row.path << " " << row.body << " " << response.body;
    EXPECT_NE(response.body.find("\"code\":\"" + std::string(row.code) + "\""), std::string::npos)
        << response.body;
  }
  EXPECT_EQ(engine_->epochs().log().size(), 1u);
}

TEST_F(EngineApiTest, ChangesComeFromLoopbackOnly) {
  const std::string_view body = R"({"on":50,"off":50})";
  ApiRequest remote = local(Method::kPost, "/api/v1/flags/checkout/rollout", body);
  remote.from_loopback = false;
  EXPECT_EQ(call(remote).status, 403);
  ApiRequest rebound = local(Method::kPost, "/api/v1/flags/checkout/rollout", body);
  rebound.host = "evil.example:8071";
  EXPECT_EQ(call(rebound).status, 403);
  ApiRequest form = local(Method::kPost, "/api/v1/flags/checkout/rollout", body);
  form.content_type = "text/plain";
  EXPECT_EQ(call(form).status, 415);
  for (const std::string_view host : {"localhost", "LOCALHOST:8071", "[::1]:8071", "127.0.0.1"}) {
    ApiRequest good = local(Method::kPost, "/api/v1/flags/checkout/rollout", body);
    good.host = host;
    EXPECT_EQ(call(good).status, 200) << host;
  }
  remote.method = Method::kGet;
  remote.path = "/api/v1/flags";
  EXPECT_EQ(call(remote).status, 200);
}

TEST_F(EngineApiTest, SaysHowItIs) {
  EXPECT_EQ(call(local(Method::kGet, "/healthz")).status, 200);
  EXPECT_EQ(call(local(Method::kGet, "/readyz")).body, "{\"epoch\":1,\"ready\":true,\"standby\":false}\n");
  const auto metrics = call(local(Method::kGet, "/metrics"));
  EXPECT_NE(metrics.body.find("\nflagmesh_engine_epoch 1\n"), std::string::npos) << metrics.body;
  const auto latest = call(local(Method::kGet, "/api/v1/epochs/latest"));
  EXPECT_NE(latest.body.find("engine.test\\n1\\n"), std::string::npos) << latest.body;
}

flags::JsonValue json_of(const stream::LocalResponse& response) {
  auto value = flags::parse_json(response.body);
  EXPECT_TRUE(value) << response.body;
  return value ? *value : flags::JsonValue();
}

std::string header_of(const stream::LocalResponse& response, std::string_view name) {
  for (const auto& [header, value] : response.headers) {
    if (header == name) return value;
  }
  return {};
}

TEST_F(EngineApiTest, ChangesOfSeveralPeopleDoNotOverwriteEachOther) {
  const std::string seen = header_of(call(local(Method::kGet, "/api/v1/flags/checkout")), "etag");
  ASSERT_EQ(seen.size(), 34U);
  ApiRequest first =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":50,"off":50})");
  first.if_match = seen;
  const auto done = call(first);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(header_of(done, "etag"),
            header_of(call(local(Method::kGet, "/api/v1/flags/checkout")), "etag"));
  ApiRequest second =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":1,"off":99})");
  second.if_match = seen;
  EXPECT_EQ(call(second).status, 412);
  EXPECT_EQ(share(), 50);
  // A kill is not held up.
  ApiRequest kill = local(Method::kPost, "/api/v1/flags/checkout/kill", R"({"variant":"off"})");
  kill.if_match = seen;
  EXPECT_EQ(call(kill).status, 200);
  ApiRequest create =
      local(Method::kPut, "/api/v1/flags/checkout", R"({"state":"ENABLED","variants":{"a":1}})");
  create.if_none_match = "*";
  EXPECT_EQ(call(create).status, 412);
  ApiRequest unknown = local(Method::kDelete, "/api/v1/flags/nothing");
  unknown.if_match = "*";
  EXPECT_EQ(call(unknown).status, 412);
  ApiRequest unchanged = local(Method::kGet, "/api/v1/flags/checkout");
  const std::string now = header_of(call(unchanged), "etag");
  unchanged.if_none_match = now;
  EXPECT_EQ(call(unchanged).status, 304);
}

TEST_F(EngineApiTest, PatchesMembers) {
  const auto done = call(local(Method::kPatch, "/api/v1/flags/checkout",
                               R"({"metadata":{"team":"shop"},"defaultVariant":"on"})"));
  EXPECT_EQ(done.status, 200) << done.body;
  const flags::JsonValue flag = json_of(call(local(Method::kGet, "/api/v1/flags/checkout")));
  EXPECT_EQ(flag.find("flag")->find("defaultVariant")->string(), "on");
  EXPECT_EQ(flag.find("flag")->find("metadata")->find("team")->string(), "shop");
  EXPECT_NE(flag.find("flag")->find("targeting"), nullptr);
  EXPECT_EQ(
      call(local(Method::kPatch, "/api/v1/flags/checkout", R"({"defaultVariant":"x"})")).status,
      400);
  EXPECT_EQ(call(local(Method::kPatch, "/api/v1/flags/nothing", "{}")).status, 404);
}

TEST_F(EngineApiTest, ADryRunSaysWhoWouldMove) {
  ApiRequest request =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":50,"off":50})");
  request.query = "dry_run=true&sample=4000";
  const flags::JsonValue run = json_of(call(request));
  EXPECT_EQ(run.find("sample")->number(), 4000);
  EXPECT_NEAR(run.find("moved")->number(), 1000, 150);
  ASSERT_EQ(run.find("moves")->array().size(), 1U);
  EXPECT_EQ(run.find("moves")->array()[0].find("from")->string(), "off");
  EXPECT_EQ(run.find("moves")->array()[0].find("to")->string(), "on");
  EXPECT_EQ(share(), 25);
  EXPECT_EQ(engine_->epochs().log().size(), 1U);
}

TEST_F(EngineApiTest, TheSameRequestAgainIsDoneOnce) {
  ApiRequest request =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":50,"off":50})");
  request.idempotency_key = "k-1";
  const auto first = call(request);
  EXPECT_EQ(first.status, 200);
  ASSERT_TRUE(change("checkout", rollout(10)));
  const auto again = call(request);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(share(), 10);
  ApiRequest other =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":60,"off":40})");
  other.idempotency_key = "k-1";
  EXPECT_EQ(call(other).status, 422);
}

TEST_F(EngineApiTest, HistoryAndLogArePaged) {
  ASSERT_TRUE(change("checkout", rollout(30)));
  ASSERT_TRUE(change("checkout", rollout(40)));
  ApiRequest request = local(Method::kGet, "/api/v1/flags/checkout/history");
  request.query = "limit=1";
  const flags::JsonValue page = json_of(call(request));
  ASSERT_EQ(page.find("changes")->array().size(), 1U);
  EXPECT_EQ(page.find("changes")->array()[0].find("what")->string(), "rollout on=40,off=60");
  EXPECT_EQ(page.find("changes")->array()[0].find("author")->string(), "test");
  EXPECT_EQ(page.find("changes")->array()[0].find("epoch")->number(), 3);
  const std::string next = page.find("next")->string();
  request.query = next;
  EXPECT_EQ(json_of(call(request)).find("changes")->array()[0].find("what")->string(),
            "rollout on=30,off=70");
  ApiRequest epochs = local(Method::kGet, "/api/v1/epochs");
  epochs.query = "from=2&limit=1";
  const flags::JsonValue log = json_of(call(epochs));
  EXPECT_EQ(log.find("size")->number(), 3);
  EXPECT_EQ(log.find("records")->array()[0].find("epoch")->number(), 2);
  EXPECT_EQ(log.find("next")->string(), "from=3");
  // A restart remembers.
  api_.reset();
  restart();
  api_ = std::make_unique<EngineApi>(*engine_);
  EXPECT_EQ(json_of(call(local(Method::kGet, "/api/v1/history"))).find("changes")->array().size(),
            2U);
}

TEST_F(EngineApiTest, EvaluatesAndExplains) {
  const auto done = call(local(Method::kPost, "/api/v1/flags/checkout/evaluate",
                               R"({"context":{"targetingKey":"jack"}})"));
  EXPECT_EQ(done.status, 200);
  EXPECT_NE(done.body.find("\"flagmesh.buckets\":100"), std::string::npos) << done.body;
  EXPECT_EQ(call(local(Method::kPost, "/api/v1/flags/x/evaluate", "{}")).status, 404);
}

TEST_F(EngineApiTest, ImportsAllOrNothingAndExportsFlagd) {
  const auto bad = call(
      local(Method::kPost, "/api/v1/import",
            R"({"flags":{"a":{"state":"ENABLED","variants":{"x":1}},"b":{"state":"ENABLED"}}})"));
  EXPECT_EQ(bad.status, 400) << bad.body;
  EXPECT_EQ(engine_->flags().find("a"), nullptr);
  const std::string two =
      R"({"flags":{"a":{"state":"ENABLED","variants":{"x":1},"defaultVariant":"x"},)"
      R"("b":{"state":"ENABLED","variants":{"x":1,"y":2},"defaultVariant":"x","prerequisites":[{"flag":"a","variant":"x"}],"targeting":{"if":[true,"y"]}}}})";
  ApiRequest dry = local(Method::kPost, "/api/v1/import", two);
  dry.query = "dry_run=1";
  EXPECT_EQ(json_of(call(dry)).find("changed_flags")->array().size(), 2U);
  EXPECT_EQ(engine_->flags().find("a"), nullptr);
  const auto done = call(local(Method::kPost, "/api/v1/import", two));
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(engine_->epochs().log().size(), 2U);
  // What an export has is what any evaluator of flagd's language reads: nothing of ours is left.
  const auto exported = call(local(Method::kGet, "/api/v1/export"));
  EXPECT_EQ(exported.body.find("prerequisites"), std::string::npos);
  const auto check = json_of(call(local(Method::kPost, "/api/v1/validate", exported.body)));
  EXPECT_EQ(check.find("flags")->number(), 3);
  ApiRequest yaml = local(Method::kPost, "/api/v1/import",
                          "flags:\n  c: { state: ENABLED, variants: { x: 1 } }\n");
  yaml.content_type = "application/yaml";
  EXPECT_EQ(call(yaml).status, 200);
  EXPECT_NE(engine_->flags().find("c"), nullptr);
  // The same again changes nothing: no epoch, and the file's flag stays the file's.
  ASSERT_EQ(call(local(Method::kPost, "/api/v1/import", exported.body)).status, 200);
  EXPECT_EQ(engine_->flags().find("checkout")->owner, FlagOwner::kFile);
}

TEST_F(EngineApiTest, ValidatesAFile) {
  ApiRequest request = local(Method::kPost, "/api/v1/validate", "flags:\n  a: { state: ON }\n");
  request.content_type = "application/yaml";
  const flags::JsonValue result = json_of(call(request));
  EXPECT_FALSE(result.find("valid")->boolean());
  EXPECT_EQ(result.find("diagnostics")->array()[0].find("line")->number(), 2);
}

TEST_F(EngineApiTest, TenantsHaveTheirPaths) {
  EXPECT_EQ(json_of(call(local(Method::kGet, "/api/v1/tenants")))
                .find("tenants")
                ->array()[0]
                .find("name")
                ->string(),
            "default");
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/tenants/default/flags/checkout")).status, 200);
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/tenants/other/flags/checkout")).status, 404);
  EXPECT_EQ(call(local(Method::kPost, "/api/v1/tenants/default/flags/checkout/rollout",
                       R"({"on":1,"off":1})"))
                .status,
            200);
}

TEST_F(EngineApiTest, TheLogIsServedAsTiles) {
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/log/checkpoint")).body, engine_->epochs().head());
  const auto tile = call(local(Method::kGet, "/api/v1/log/tile/0/000.p/1"));
  EXPECT_EQ(tile.status, 200);
  EXPECT_EQ(tile.content_type, "application/octet-stream");
  EXPECT_EQ(tile.body, engine_->epochs().log().leaf(1).view());
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/log/tile/entries/000.p/1")).body.size(), 107u);
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/log/tile/0/000")).status, 404);
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/log/tile/0/../x")).status, 404);
  EXPECT_EQ(call(local(Method::kGet, "/api/v1/log/")).status, 404);
}

// Each path of the table is in the document, and the other way round.
TEST_F(EngineApiTest, TheOpenApiDocumentHasWhatThereIs) {
  const flags::JsonValue document = json_of(call(local(Method::kGet, "/api/v1/openapi.json")));
  EXPECT_TRUE(document.find("openapi")->string().starts_with("3."));
  size_t documented = 0;
  for (const flags::JsonMember& path : document.find("paths")->object()) {
    for (const flags::JsonMember& operation : path.value.object())
      documented += operation.name != "parameters";
  }
  EXPECT_EQ(documented, api_routes().size());
  for (const ApiRoute& route : api_routes()) {
    const flags::JsonValue* path = document.find("paths")->find(route.path);
    ASSERT_NE(path, nullptr) << route.path;
    std::string method(http::method_name(route.method));
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const flags::JsonValue* operation = path->find(method);
    ASSERT_NE(operation, nullptr) << route.path << " " << method;
    EXPECT_NE(operation->find("responses")->find("200"), nullptr);
    EXPECT_EQ(operation->find("requestBody") != nullptr,
              route.method != Method::kGet && route.method != Method::kDelete);
  }
  // Every reference leads somewhere.
  const std::string body = call(local(Method::kGet, "/api/v1/openapi.json")).body;
  for (size_t at = 0; (at = body.find("#/components/", at)) != std::string::npos; ++at) {
    const std::string name = body.substr(at + 13, body.find('"', at) - at - 13);
    const size_t slash = name.find('/');
    EXPECT_NE(
        document.find("components")->find(name.substr(0, slash))->find(name.substr(slash + 1)),
        nullptr)
        << name;
  }
}

class ApiTokenTest : public EngineApiTest {
 protected:
  void SetUp() override {
    const auto entry = [](const std::string& name, const std::string& role,
                          const std::string& tenant) {
      return "  - { name: " + name + ", role: " + role + ", tenants: [" + tenant + "], sha256: \"" +
             merkle::sha256("fm_" + name).hex() + "\" }\n";
    };
    tokens_ = *config::ApiTokens::parse(
        "tokens:\n" + entry("viewer", "viewer", "default") + entry("editor", "editor", "default") +
            entry("admin", "admin", "default") + entry("stranger", "admin", "other"),
        "t.yaml");
    EngineApiTest::SetUp();
  }
  static ApiRequest as(std::string_view token, ApiRequest request) {
    request.token = token;
    request.from_loopback = false;
    request.host = "engine.example";
    return request;
  }
};

TEST_F(ApiTokenTest, RolesAndTenantsDecide) {
  const auto read = local(Method::kGet, "/api/v1/flags");
  const auto write =
      local(Method::kPost, "/api/v1/flags/checkout/rollout", R"({"on":50,"off":50})");
  const auto log = local(Method::kGet, "/api/v1/epochs");
  EXPECT_EQ(header_of(call(as("", read)), "www-authenticate"), "Bearer");
  EXPECT_EQ(call(read).status, 401);  // loopback is no token
  EXPECT_EQ(call(as("fm_wrong", read)).status, 401);
  EXPECT_EQ(call(as("fm_stranger", read)).status, 403);
  EXPECT_EQ(call(as("fm_viewer", read)).status, 200);
  EXPECT_EQ(call(as("fm_viewer", write)).status, 403);
  EXPECT_EQ(call(as("fm_editor", write)).status, 200);
  EXPECT_EQ(engine_->changes().back().author, "editor");
  EXPECT_EQ(call(as("fm_editor", log)).status, 403);
  EXPECT_EQ(call(as("fm_admin", log)).status, 200);
  auto kill =
      as("fm_admin", local(Method::kPost, "/api/v1/flags/checkout/kill", R"({"variant":"off"})"));
  kill.if_match = "\"old\"";
  EXPECT_EQ(call(kill).status, 200);
  EXPECT_EQ(call(as("", local(Method::kGet, "/healthz"))).status, 200);
}

TEST_F(ApiTokenTest, NewTokensHoldFromTheNextRequest) {
  const auto read = local(Method::kGet, "/api/v1/flags");
  EXPECT_EQ(call(as("fm_viewer", read)).status, 200);
  api_->set_tokens(*config::ApiTokens::parse(
      "tokens: [{ name: fresh, role: viewer, sha256: \"" + merkle::sha256("fm_fresh").hex() + "\" }]", "t.yaml"));
  EXPECT_EQ(call(as("fm_viewer", read)).status, 401);
  EXPECT_EQ(call(as("fm_fresh", read)).status, 200);
}

TEST_F(ApiTokenTest, EachTokenHasItsRate) {
  const auto read = as("fm_viewer", local(Method::kGet, "/api/v1/tenants"));
  int limited = 0;
  for (int i = 0; i < 150; ++i) limited += call(read).status == 429;
  EXPECT_GT(limited, 30);
  EXPECT_EQ(call(as("fm_admin", local(Method::kGet, "/api/v1/tenants"))).status, 200);
}

}  // namespace
}  // namespace flagmesh::engine
