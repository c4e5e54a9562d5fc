#include "control/engine/engine_api.h"

#include <utility>

#include "control/engine/api_response.h"
#include "control/engine/openapi.h"
#include "control/ofrep/credentials.h"

namespace flagmesh::engine {

using http::HeaderId;
using http::Method;
using stream::LocalResponse;

namespace {

constexpr std::string_view kTenants = "/tenants/";

LocalResponse not_found() {
  return error_response("not_found", "there is nothing here",
                        "GET /api/v1/openapi.json lists what there is");
}

}  // namespace

EngineApi::EngineApi(Engine& engine)
    : engine_(engine),
      flags_(engine.flags()),
      ofrep_(engine.loop(), flags_, {.config = engine.ofrep(), .tokens = engine.tokens()}),
      access_(engine.tokens(), engine.flags().tenant(), engine.rate_limit()) {
  engine.set_on_change([this] { ofrep_.flags_changed(); });
}

EngineApi::~EngineApi() {
  engine_.set_on_change({});
}

void EngineApi::set_tokens(std::shared_ptr<const config::ApiTokens> tokens) {
  ofrep_.set_options({.config = engine_.ofrep(), .tokens = tokens});
  access_.set_tokens(std::move(tokens));
}

void EngineApi::handle(const stream::LocalRequest& request, stream::LocalReply reply) {
  if (ofrep::OfrepHandler::serves(request.head.path)) {
    return ofrep_.handle(request, std::move(reply));
  }
  const http::HeaderList& headers = request.head.headers;
  const http::Field* idempotency = headers.find("idempotency-key");
  ApiRequest api;
  api.method = request.head.method;
  api.path = request.head.path;
  api.body = request.body;
  api.host = request.head.authority;
  api.content_type = headers.value(HeaderId::kContentType);
  api.from_loopback = request.peer_is_loopback;
  api.query = request.head.query;
  api.token = ofrep::token_of(headers);
  api.if_match = headers.value(HeaderId::kIfMatch);
  api.if_none_match = headers.value(HeaderId::kIfNoneMatch);
  if (idempotency != nullptr) api.idempotency_key = idempotency->value;
  handle(api, [reply = std::move(reply)](LocalResponse response) mutable {
    reply.send(std::move(response));
  });
}

// "/api/v1/tenants/NAME/flags" is "/api/v1/flags" of that tenant.
std::string_view EngineApi::below_root(std::string_view path, bool& known_tenant) const {
  path.remove_prefix(kApiRoot.size());
  known_tenant = true;
  if (!path.starts_with(kTenants)) return path;
  const std::string_view rest = path.substr(kTenants.size());
  const size_t slash = rest.find('/');
  known_tenant = rest.substr(0, slash) == engine_.flags().tenant();
  return slash == rest.npos ? std::string_view() : rest.substr(slash);
}

void EngineApi::handle(const ApiRequest& request, Answer answer) {
  const bool reads = request.method == Method::kGet || request.method == Method::kHead;
  if (!request.path.starts_with(kApiRoot)) {
    LocalResponse page = public_page(request.path);
    return answer(reads || page.status == 404 ? std::move(page) : not_allowed("GET, HEAD"));
  }
  bool known_tenant = true;
  const ApiMatch match = match_api(request.method, below_root(request.path, known_tenant));
  if (!known_tenant) {
    return answer(error_response("unknown_tenant", "this engine does not have that tenant",
                                 "it has '" + engine_.flags().tenant() + "'"));
  }
  if (match.route == nullptr) {
    return answer(match.methods.empty() ? not_found() : not_allowed(match.methods));
  }
  auto author = access_.admit(request, *match.route, engine_.loop().now_ms());
  if (!author) return answer(error_response(author.error()));
  const Call call{request, *match.route, match.key, std::move(*author)};
  if (call.route.changes) return write(call, std::move(answer));
  if (call.route.call == ApiCall::kRouters) return routers(std::move(answer));
  answer(read(call));
}

LocalResponse EngineApi::public_page(std::string_view path) const {
  if (path == "/healthz") return text_response(200, "ok\n");
  if (path == "/metrics") return text_response(200, engine_.metrics());
  if (path == "/readyz") return health();
  return not_found();
}

LocalResponse EngineApi::read(const Call& call) const {
  switch (call.route.call) {
    case ApiCall::kOpenApi: {
      LocalResponse response = text_response(200, std::string(openapi_document()));
      response.content_type = "application/json";
      return response;
    }
    case ApiCall::kTenants:
      return tenants();
    case ApiCall::kHealth:
      return health();
    case ApiCall::kListFlags:
      return list(call);
    case ApiCall::kReadFlag:
      return show(call);
    case ApiCall::kEvaluate:
      return evaluate(call);
    case ApiCall::kFlagHistory:
    case ApiCall::kHistory:
      return history(call);
    case ApiCall::kValidate:
      return validate(call);
    case ApiCall::kExport:
      return export_flags();
    case ApiCall::kEpochs:
      return epochs(call);
    case ApiCall::kLog:
      return log(call);
    case ApiCall::kLatestEpoch:
      return latest_epoch();
    case ApiCall::kProof:
      return proof(call);
    case ApiCall::kPublished:
      return published();
    default:
      return not_found();
  }
}

}  // namespace flagmesh::engine
