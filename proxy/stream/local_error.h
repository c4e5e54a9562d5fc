// The one error table: every 4xx and 5xx of our own is chosen here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/h1_errors.h"
#include "proxy/upstream/container.h"
#include "proxy/upstream/upstream_request.h"

namespace flagmesh::stream {

// A reply that the proxy makes itself, and why.
struct LocalError {
  uint16_t status = 500;
  std::string_view reason;     // x-flagmesh-reason and the access log: a stable token
  uint8_t retry_after = 0;     // seconds; 0 = no such field
  bool close = false;          // the connection cannot be used any more
};

LocalError error_for(http::H1Error error);
LocalError error_for(upstream::Denial denial);
LocalError error_for(upstream::Failure failure);

inline constexpr LocalError kBadMaxForwards{400, "bad_max_forwards", 0, true};
inline constexpr LocalError kNoRoute{404, "no_route"};
inline constexpr LocalError kRequestTimeout{408, "request_timeout", 0, true};
inline constexpr LocalError kMisdirected{421, "misdirected"};  // RFC 9110 §15.5.20: the connection's certificate is for other hosts
inline constexpr LocalError kBodyTooLarge{413, "body_too_large", 0, true};
inline constexpr LocalError kHandlerDropped{500, "handler_gave_no_answer"};
inline constexpr LocalError kNoState{503, "no_configuration", 1};
inline constexpr LocalError kUnprovenState{503, "unproven", 1};
// A limit of the whole process (proxy.limits): memory, or connections, which end with the answer.
inline constexpr LocalError kOverloaded{503, "overloaded", 1};
inline constexpr LocalError kTooManyConnections{503, "overloaded", 1, true};
inline constexpr LocalError kUpstreamTimeout{504, "upstream_timeout"};

// As a whole response that ends the connection, for clients that get no session. `date`: as Date has it.
std::string bare_response(const LocalError& error, std::string_view date);

// The phrase for a status line (RFC 9110 §15); "Unknown" for others.
std::string_view reason_phrase(uint16_t status);

}  // namespace flagmesh::stream
