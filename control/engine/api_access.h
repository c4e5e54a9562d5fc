// Who may call the engine's API.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/api_tokens.h"
#include "control/engine/api_routes.h"
#include "proxy/base/time.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::engine {

struct ApiRequest;

// With a file of tokens each request needs one whose role and tenants are enough. Without,
// everybody may read, and changes are taken from loopback only: the client's socket must be on
// loopback, and the Host a loopback name or address (a web page under a name that was bound to
// 127.0.0.1 is refused). Either way a body that changes something must be application/json (a form
// of another site is refused).
class ApiAccess {
 public:
  // `rate`: requests a second for each token, and as many at once; 0: no limit.
  ApiAccess(std::shared_ptr<const config::ApiTokens> tokens, std::string tenant, uint32_t rate);

  // For the requests that come from now on. The rates of names that are still there go on.
  void set_tokens(std::shared_ptr<const config::ApiTokens> tokens) { tokens_ = std::move(tokens); }

  // The author of what the request does ("api" without tokens), or why it is refused:
  // "unauthorized", "forbidden", "rate_limited", "loopback_only", "not_json".
  Result<std::string> admit(const ApiRequest& request, const ApiRoute& route, MonoMs now_ms);

 private:
  struct Bucket {
    double left = 0;
    MonoMs at = 0;
  };
  bool within_rate(const std::string& name, MonoMs now_ms);

  std::shared_ptr<const config::ApiTokens> tokens_;  // null: none
  std::string tenant_;
  uint32_t rate_;
  std::map<std::string, Bucket, std::less<>> buckets_;  // by the token's name
};

}  // namespace flagmesh::engine
