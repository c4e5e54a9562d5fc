#include "proxy/stream/local_error.h"

#include "proxy/upstream/upstream_tls.h"

namespace flagmesh::stream {

LocalError error_for(http::H1Error error) {
  return {http::status_of(error), http::reason_of(error), 0, true};
}

LocalError error_for(upstream::Denial denial) {
  switch (denial) {
    case upstream::Denial::kNone: return {500, "internal"};
    case upstream::Denial::kUnproven: return kUnprovenState;
    case upstream::Denial::kUnhealthy:
    case upstream::Denial::kBreakerOpen:
    case upstream::Denial::kTooManyRequests: return {503, upstream::denial_name(denial), 1};
  }
  return {500, "internal"};
}

LocalError error_for(upstream::Failure failure) {
  switch (failure) {
    case upstream::Failure::kConnect: return {503, "connect_failure", 1};
    case upstream::Failure::kConnectTimeout: return {504, "connect_timeout"};
    case upstream::Failure::kOverflow: return {503, "too_many_pending", 1};
    case upstream::Failure::kNoDescriptor: return kOverloaded;
    case upstream::Failure::kStale:
    case upstream::Failure::kReset: return {502, "upstream_reset"};
    case upstream::Failure::kProtocol: return {502, "upstream_protocol_error"};
    case upstream::Failure::kTruncated: return {502, "upstream_truncated"};
    case upstream::Failure::kUnprocessed: return {503, "upstream_refused", 1};
    case upstream::Failure::kTlsHandshake:
    case upstream::Failure::kTlsUnknownCa:
    case upstream::Failure::kTlsExpired:
    case upstream::Failure::kTlsName:
    case upstream::Failure::kTlsCertificate:
      return {503, upstream::kTlsFailureReasons[upstream::tls_failure_index(failure)], 1};
  }
  return {502, "upstream_reset"};
}

std::string bare_response(const LocalError& error, std::string_view date) {
  std::string text = "HTTP/1.1 " + std::to_string(error.status) + " ";
  text.append(reason_phrase(error.status)).append("\r\nDate: ").append(date);
  if (error.retry_after != 0) text.append("\r\nRetry-After: ").append(std::to_string(error.retry_after));
  text.append("\r\nX-Flagmesh-Reason: ").append(error.reason);
  return text.append("\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

std::string_view reason_phrase(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

}  // namespace flagmesh::stream
