#include "control/engine/api_response.h"

#include <array>
#include <utility>

#include "control/flags/canonical_json.h"

namespace flagmesh::engine {

using flags::JsonValue;
using stream::LocalResponse;

namespace {

uint16_t status_of(std::string_view code) {
  struct Row {
    std::string_view code;
    uint16_t status;
  };
  static constexpr std::array kTable{
      Row{"unauthorized", 401},        Row{"forbidden", 403},
      Row{"lock_required", 403},       Row{"standby", 503},
      Row{"loopback_only", 403},       Row{"unknown_flag", 404},
      Row{"unknown_tenant", 404},      Row{"not_found", 404},
      Row{"method_not_allowed", 405},  Row{"nothing_to_reset", 409},
      Row{"no_fractional", 409},       Row{"several_fractionals", 409},
      Row{"computed_fractional", 409}, Row{"prerequisite_cycle", 409},
      Row{"head_moved", 409},
      Row{"changed_meanwhile", 412},   Row{"not_json", 415},
      Row{"key_used_otherwise", 422},  Row{"rate_limited", 429},
      Row{"overloaded", 503},          Row{"stopping", 503},
      Row{"write_failed", 503},
  };
  for (const Row& row : kTable) {
    if (row.code == code) return row.status;
  }
  return 400;
}

}  // namespace

LocalResponse json_response(uint16_t status, JsonValue body) {
  LocalResponse response;
  response.status = status;
  response.body = flags::canonical_json(body) + "\n";
  response.headers.emplace_back("cache-control", "no-store");
  return response;
}

LocalResponse text_response(uint16_t status, std::string body) {
  LocalResponse response;
  response.status = status;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::move(body);
  return response;
}

LocalResponse error_response(const Error& error) {
  JsonValue::Object object;
  object.push_back({"code", error.code});
  object.push_back(
      {"message", error.place.empty() ? error.message : error.place + ": " + error.message});
  object.push_back({"mend", error.mend});
  JsonValue::Object outer;
  outer.push_back({"error", JsonValue(std::move(object))});
  LocalResponse response = json_response(status_of(error.code), JsonValue(std::move(outer)));
  if (response.status == 503 || response.status == 429) {
    response.headers.emplace_back("retry-after", "1");
  }
  if (response.status == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

LocalResponse error_response(std::string code, std::string message, std::string mend) {
  return error_response(Error{std::move(code), std::move(message), {}, std::move(mend)});
}

LocalResponse not_allowed(std::string methods) {
  LocalResponse response =
      error_response("method_not_allowed", "this method is not for this path", "use " + methods);
  response.headers.emplace_back("allow", std::move(methods));
  return response;
}

}  // namespace flagmesh::engine
