#include "proxy/stream/grpc.h"

#include <algorithm>

namespace flagmesh::stream {

namespace {

// Of grpc/status.h.
constexpr uint8_t kUnknown = 2;
constexpr uint8_t kPermissionDenied = 7;
constexpr uint8_t kResourceExhausted = 8;
constexpr uint8_t kUnimplemented = 12;
constexpr uint8_t kInternal = 13;
constexpr uint8_t kUnavailable = 14;
constexpr uint8_t kUnauthenticated = 16;

constexpr size_t kMostDigits = 8;
constexpr uint64_t kMostMs = 365ULL * 24 * 3600 * 1000;

}  // namespace

bool is_grpc(const http::HeaderList& headers) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = headers.value(http::HeaderId::kContentType);
  if (!type.starts_with(kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

uint8_t grpc_status(const LocalError& error) {
  switch (error.status) {
    case 400: return kInternal;
    case 401: return kUnauthenticated;
    case 403: return kPermissionDenied;
    case 404:
    case 501: return kUnimplemented;
    case 408:
    case 504: return kGrpcDeadlineExceeded;
    case 413:
    case 431: return kResourceExhausted;
    case 421:
    case 429:
    case 502:
    case 503: return kUnavailable;
    case 500: return kInternal;
    default: return kUnknown;
  }
}

std::optional<uint64_t> grpc_timeout_ms(const http::HeaderList& headers) {
  const http::Field* field = headers.find("grpc-timeout");
  if (field == nullptr || field->value.size() < 2 || field->value.size() > kMostDigits + 1) return std::nullopt;
  uint64_t number = 0;
  for (const char c : field->value.substr(0, field->value.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  switch (field->value.back()) {
    case 'H': number *= 3'600'000; break;
    case 'M': number *= 60'000; break;
    case 'S': number *= 1'000; break;
    case 'm': break;
    case 'u': number = (number + 999) / 1'000; break;
    case 'n': number = (number + 999'999) / 1'000'000; break;
    default: return std::nullopt;
  }
  return std::min(number, kMostMs);
}

}  // namespace flagmesh::stream
