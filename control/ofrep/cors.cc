#include "control/ofrep/cors.h"

#include <algorithm>

namespace flagmesh::ofrep {

using http::HeaderId;

Fields Cors::fields(const http::RequestHead& request) const {
  const http::Field* origin = request.headers.find(HeaderId::kOrigin);
  const bool all = std::ranges::find(origins_, "*") != origins_.end();
  Fields fields;
  // Caches must know even when this request came without one.
  if (!all && !origins_.empty()) fields.emplace_back("vary", "origin");
  if (origin == nullptr) return fields;
  if (!all && std::ranges::find(origins_, origin->value) == origins_.end()) return fields;
  fields.emplace_back("access-control-allow-origin",
                      all ? std::string("*") : std::string(origin->value));
  fields.emplace_back("access-control-expose-headers", "etag, retry-after, x-flagmesh-stale");
  return fields;
}

bool Cors::is_preflight(const http::RequestHead& request) {
  return request.method == http::Method::kOptions && request.headers.has(HeaderId::kOrigin) &&
         request.headers.find("access-control-request-method") != nullptr;
}

Fields Cors::preflight_fields(const http::RequestHead& request) const {
  Fields fields = this->fields(request);
  const bool allowed = std::ranges::any_of(
      fields, [](const auto& field) { return field.first == "access-control-allow-origin"; });
  if (!allowed) return fields;
  fields.emplace_back("access-control-allow-methods", "GET, POST, OPTIONS");
  fields.emplace_back(
      "access-control-allow-headers",
      "authorization, cache-control, content-type, if-none-match, last-event-id, x-api-key");
  fields.emplace_back("access-control-max-age", "7200");
  return fields;
}

}  // namespace flagmesh::ofrep
