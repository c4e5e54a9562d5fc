// How the engine's API answers: JSON, and one table from codes to statuses.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/json_value.h"
#include "proxy/base/result.h"
#include "proxy/stream/local_handler.h"

namespace flagmesh::engine {

stream::LocalResponse json_response(uint16_t status, flags::JsonValue body);
stream::LocalResponse text_response(uint16_t status, std::string body);

// {"error":{"code":…,"mend":…,"message":…}} with the status that the code has; 503 and 429 say when
// to come again.
stream::LocalResponse error_response(const Error& error);
stream::LocalResponse error_response(std::string code, std::string message, std::string mend = {});
// RFC 9110 §15.5.6: says what is allowed instead.
stream::LocalResponse not_allowed(std::string methods);

}  // namespace flagmesh::engine
