// Cross-origin requests of browsers (Fetch Standard, "CORS protocol").
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/message.h"

namespace flagmesh::ofrep {

using Fields = std::vector<std::pair<std::string, std::string>>;

// Immutable; any thread.
class Cors {
 public:
  // "*" allows every origin; an empty list none.
  explicit Cors(std::vector<std::string> origins) : origins_(std::move(origins)) {}

  // The fields that a response to this request needs; none when it has no Origin, or one that is
  // not allowed.
  Fields fields(const http::RequestHead& request) const;
  // A browser asks whether it may send the real request: OPTIONS with
  // Access-Control-Request-Method.
  static bool is_preflight(const http::RequestHead& request);
  Fields preflight_fields(const http::RequestHead& request) const;

 private:
  std::vector<std::string> origins_;
};

}  // namespace flagmesh::ofrep
