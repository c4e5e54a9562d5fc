// One HTTP/1.1 request from a command to a running role, and its answer. Blocking, on a loop of its
// own: for the command line only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/base/time.h"
#include "proxy/http/message.h"

namespace flagmesh {

struct HttpCall {
  http::Method method = http::Method::kGet;
  std::string
      url;  // "http://127.0.0.1:8071/api/v1/flags"; IPv6 literals in brackets, names are resolved
  std::string body;  // sent as application/json when not empty
  std::vector<std::pair<std::string, std::string>> headers = {};
  MonoMs timeout_ms = 10'000;  // of everything together
};

struct HttpAnswer {
  uint16_t status = 0;
  std::string body;  // at most 64 MiB
};

// Any status is an answer. Codes: "bad_url", "unreachable", "timed_out", "bad_response".
Result<HttpAnswer> http_call(const HttpCall& call);

}  // namespace flagmesh
