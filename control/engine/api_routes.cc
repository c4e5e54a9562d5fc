#include "control/engine/api_routes.h"

#include "proxy/http/path_segment.h"

namespace flagmesh::engine {

using config::ApiRole;
using http::Method;

namespace {

constexpr ApiRoute kRoutes[] = {
    {Method::kGet, "/openapi.json", ApiCall::kOpenApi, ApiRole::kViewer},
    {Method::kGet, "/tenants", ApiCall::kTenants, ApiRole::kViewer},
    {Method::kGet, "/health", ApiCall::kHealth, ApiRole::kViewer},
    {Method::kGet, "/flags", ApiCall::kListFlags, ApiRole::kViewer},
    {Method::kGet, "/flags/{key}", ApiCall::kReadFlag, ApiRole::kViewer},
    {Method::kPut, "/flags/{key}", ApiCall::kPutFlag, ApiRole::kEditor, true},
    {Method::kPatch, "/flags/{key}", ApiCall::kPatchFlag, ApiRole::kEditor, true},
    {Method::kDelete, "/flags/{key}", ApiCall::kDeleteFlag, ApiRole::kEditor, true},
    {Method::kPost, "/flags/{key}/rollout", ApiCall::kRollout, ApiRole::kEditor, true},
    {Method::kPost, "/flags/{key}/state", ApiCall::kState, ApiRole::kEditor, true},
    {Method::kPost, "/flags/{key}/kill", ApiCall::kKill, ApiRole::kEditor, true},
    {Method::kPost, "/flags/{key}/evaluate", ApiCall::kEvaluate, ApiRole::kViewer},
    {Method::kGet, "/flags/{key}/history", ApiCall::kFlagHistory, ApiRole::kViewer},
    {Method::kGet, "/history", ApiCall::kHistory, ApiRole::kViewer},
    {Method::kPost, "/validate", ApiCall::kValidate, ApiRole::kViewer},
    {Method::kGet, "/export", ApiCall::kExport, ApiRole::kViewer},
    {Method::kPost, "/import", ApiCall::kImport, ApiRole::kEditor, true},
    {Method::kGet, "/epochs", ApiCall::kEpochs, ApiRole::kAdmin},
    {Method::kGet, "/epochs/latest", ApiCall::kLatestEpoch, ApiRole::kViewer},
    {Method::kGet, "/log/{path}", ApiCall::kLog, ApiRole::kAdmin},
    {Method::kGet, "/proofs/{key}", ApiCall::kProof, ApiRole::kViewer},
    {Method::kGet, "/routers", ApiCall::kRouters, ApiRole::kViewer},
    {Method::kGet, "/published", ApiCall::kPublished, ApiRole::kViewer},
};

// Whether the path has this form; its key, still escaped, goes to `key`.
bool matches(std::string_view form, std::string_view path, std::string_view& key) {
  if (form.ends_with("{path}")) {
    const std::string_view before = form.substr(0, form.size() - 6);
    if (!path.starts_with(before)) return false;
    key = path.substr(before.size());
    return !key.empty();
  }
  const size_t hole = form.find("{key}");
  if (hole == form.npos) return form == path;
  const std::string_view behind = form.substr(hole + 5);
  if (!path.starts_with(form.substr(0, hole)) || !path.ends_with(behind)) return false;
  if (path.size() <= hole + behind.size()) return false;
  key = path.substr(hole, path.size() - hole - behind.size());
  return key.find('/') == key.npos;
}

}  // namespace

std::span<const ApiRoute> api_routes() {
  return kRoutes;
}

ApiMatch match_api(Method method, std::string_view path) {
  ApiMatch match;
  const Method asked = method == Method::kHead ? Method::kGet : method;
  for (const ApiRoute& route : kRoutes) {
    std::string_view escaped;
    if (!matches(route.path, path, escaped)) continue;
    auto key = http::decode_segment(escaped);
    if (!key) continue;
    match.methods.append(match.methods.empty() ? "" : ", ").append(http::method_name(route.method));
    if (route.method == Method::kGet) match.methods.append(", HEAD");
    if (route.method != asked) continue;
    match.route = &route;
    match.key = std::move(*key);
  }
  return match;
}

}  // namespace flagmesh::engine
