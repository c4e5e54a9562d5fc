// The engine's API as commands use it.
#pragma once

#include <string>

#include "control/flags/json_value.h"
#include "proxy/base/result.h"
#include "proxy/http/message.h"

namespace flagmesh {

inline constexpr const char* kDefaultEngine = "http://127.0.0.1:8071";

struct EngineAnswer {
  uint16_t status = 0;
  flags::JsonValue body;
};

// Calls `engine` (a URL without path) at `path`. An error that the engine answers comes as an Error
// with its code, message and mend; other codes are those of http_call() and "bad_response". 503 of
// /readyz is an answer.
Result<EngineAnswer> call_engine(const std::string& engine, http::Method method,
                                 const std::string& path, const std::string& body = {});

// The same for an answer that is no JSON: its body. Any status but 200 is an error.
Result<std::string> fetch_from_engine(const std::string& engine, const std::string& path);

// The key of a flag as a path segment.
std::string path_segment(const std::string& key);

}  // namespace flagmesh
