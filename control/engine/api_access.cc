#include "control/engine/api_access.h"

#include <algorithm>
#include <utility>

#include "control/engine/engine_api.h"
#include "proxy/http/tokens.h"
#include "proxy/net/address.h"

namespace flagmesh::engine {

namespace {

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  if (http::equals_ignore_case(host, "localhost")) return true;
  const auto address = net::Address::from_ip(host, 0);
  return address && address->is_loopback();
}

bool is_json(const ApiRequest& request) {
  if (request.method == http::Method::kDelete) return true;
  const std::string_view type =
      http::trim(request.content_type.substr(0, request.content_type.find(';')));
  for (const std::string_view known :
       {"application/json", "application/merge-patch+json", "application/yaml"}) {
    if (http::equals_ignore_case(type, known)) return true;
  }
  return false;
}

}  // namespace

ApiAccess::ApiAccess(std::shared_ptr<const config::ApiTokens> tokens, std::string tenant,
                     uint32_t rate)
    : tokens_(std::move(tokens)), tenant_(std::move(tenant)), rate_(rate) {}

bool ApiAccess::within_rate(const std::string& name, MonoMs now_ms) {
  if (rate_ == 0) return true;
  auto [at, is_new] = buckets_.try_emplace(name, Bucket{static_cast<double>(rate_), now_ms});
  Bucket& bucket = at->second;
  bucket.left =
      std::min<double>(rate_, bucket.left + static_cast<double>(now_ms - bucket.at) * rate_ / 1000);
  bucket.at = now_ms;
  if (bucket.left < 1) return false;
  bucket.left -= 1;
  return true;
}

Result<std::string> ApiAccess::admit(const ApiRequest& request, const ApiRoute& route,
                                     MonoMs now_ms) {
  std::string author = "api";
  if (tokens_ != nullptr) {
    const config::ApiToken* token = tokens_->find(request.token);
    if (token == nullptr) {
      return fail("unauthorized", "a token is needed", {},
                  "send Authorization: Bearer TOKEN, or X-API-Key");
    }
    if (!within_rate(token->name, now_ms)) {
      return fail("rate_limited", "'" + token->name + "' asks too often", {}, "come again later");
    }
    if (!token->may(route.role, tenant_)) {
      return fail("forbidden", "'" + token->name + "' is " +
                                   std::string(config::role_name(token->role)) +
                                   " and this needs " + std::string(config::role_name(route.role)) +
                                   " for tenant '" + tenant_ + "'");
    }
    author = token->name;
  } else if (route.changes && (!request.from_loopback || !is_loopback_host(request.host))) {
    return fail("loopback_only", "without API tokens, changes are taken from loopback only", {},
                "call the engine on its own host, at 127.0.0.1 or localhost, or configure "
                "engine.tokens");
  }
  if (route.changes && !is_json(request)) {
    return fail("not_json", "the body must be application/json", {},
                "send content-type: application/json");
  }
  return author;
}

}  // namespace flagmesh::engine
