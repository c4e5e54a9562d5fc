#include "control/engine/engine_api.h"

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
  EXPECT_EQ(call(local(Method::kGet, "/readyz")).body, "{\"epoch\":1,\"ready\":true}\n");
  const auto metrics = call(local(Method::kGet, "/metrics"));
  EXPECT_NE(metrics.body.find("\nflagmesh_engine_epoch 1\n"), std::string::npos) << metrics.body;
  const auto latest = call(local(Method::kGet, "/api/v1/epochs/latest"));
  EXPECT_NE(latest.body.find("engine.test\\n1\\n"), std::string::npos) << latest.body;
}

}  // namespace
}  // namespace flagmesh::engine
