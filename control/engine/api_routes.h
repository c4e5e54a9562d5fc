// What the engine's API has: one table, which requests are led by and the OpenAPI document is
// checked against.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control/config/api_tokens.h"
#include "proxy/http/message.h"

namespace flagmesh::engine {

enum class ApiCall : uint8_t {
  kOpenApi,
  kTenants,
  kHealth,
  kListFlags,
  kReadFlag,
  kPutFlag,
  kPatchFlag,
  kDeleteFlag,
  kRollout,
  kState,
  kKill,
  kEvaluate,
  kFlagHistory,
  kHistory,
  kValidate,
  kExport,
  kImport,
  kEpochs,
  kLatestEpoch,
  kLog,
  kProof,
  kRouters,
  kPublished,
};

struct ApiRoute {
  http::Method method;
  // Below /api/v1; "{key}" stands for one segment, "{path}" at the end for the rest.
  std::string_view path;
  ApiCall call;
  config::ApiRole role;  // that is needed, where there are tokens
  bool changes = false;  // needs a JSON body and, without tokens, a client on this machine
};

std::span<const ApiRoute> api_routes();

inline constexpr std::string_view kApiRoot = "/api/v1";

// Which route a path has, as it stands behind /api/v1.
struct ApiMatch {
  const ApiRoute* route = nullptr;  // null: none for this method
  std::string key;                  // of the flag, decoded; what {path} stands for
  std::string methods;  // that the path has, "GET, HEAD, PUT"; empty: there is no such path
};
ApiMatch match_api(http::Method method, std::string_view path);

}  // namespace flagmesh::engine
