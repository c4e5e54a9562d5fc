#include "proxy/http/h1_framing.h"

#include <limits>

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

bool parse_length(std::string_view text, uint64_t& length) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (text.empty()) return false;
  length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (length > (kMax - digit) / 10) return false;
    length = length * 10 + digit;
  }
  return true;
}

// All values of all Content-Length fields are one number, else it is an error. REQUIRES: there is
// one.
H1Error content_length(const HeaderList& headers, uint64_t& length) {
  bool first = true;
  for (const Field* f = headers.find(HeaderId::kContentLength); f != nullptr; f = headers.next(f)) {
    if (f->value.empty()) return H1Error::kBadContentLength;
    CommaList list(f->value);
    std::string_view item;
    while (list.next(item)) {
      uint64_t other = 0;
      if (!parse_length(item, other)) return H1Error::kBadContentLength;
      if (!first && other != length) return H1Error::kDifferingContentLength;
      length = other;
      first = false;
    }
  }
  return H1Error::kNone;
}

// Only "chunked" alone is what we can do; everything else is told apart for the status. REQUIRES:
// there is a field.
H1Error transfer_encoding(const HeaderList& headers) {
  bool chunked = false;
  bool others = false;
  for (const Field* f = headers.find(HeaderId::kTransferEncoding); f != nullptr;
       f = headers.next(f)) {
    if (f->value.empty()) return H1Error::kBadTransferEncoding;
    CommaList list(f->value);
    std::string_view item;
    while (list.next(item)) {
      if (chunked) return H1Error::kBadTransferEncoding;  // not last, or repeated
      const std::string_view coding = trim(item.substr(0, item.find(';')));
      if (!is_token(coding)) return H1Error::kBadTransferEncoding;
      if (!equals_ignore_case(coding, "chunked")) {
        others = true;
      } else if (coding.size() != item.size()) {
        return H1Error::kBadTransferEncoding;  // chunked has no parameters
      } else {
        chunked = true;
      }
    }
  }
  if (!chunked) return H1Error::kBadTransferEncoding;
  return others ? H1Error::kUnknownTransferEncoding : H1Error::kNone;
}

// `body` is left as it is when no field says anything.
H1Error framing(const HeaderList& headers, Version version, BodyFraming& body) {
  const bool has_length = headers.has(HeaderId::kContentLength);
  if (headers.has(HeaderId::kTransferEncoding)) {
    if (has_length) return H1Error::kLengthAndTransferEncoding;
    if (version == Version::kHttp10) return H1Error::kBadTransferEncoding;
    body.kind = Framing::kChunked;
    return transfer_encoding(headers);
  }
  if (!has_length) return H1Error::kNone;
  body.kind = Framing::kLength;
  return content_length(headers, body.length);
}

}  // namespace

H1Error request_framing(const HeaderList& headers, Version version, BodyFraming& body) {
  body = {};
  return framing(headers, version, body);
}

H1Error response_framing(const HeaderList& headers, Version version, uint16_t status, Method method,
                         BodyFraming& body) {
  body = {Framing::kUntilClose, 0};
  const H1Error error = framing(headers, version, body);
  if (is_bodiless(status, method)) body = {};
  return error;
}

bool is_bodiless(uint16_t status, Method method) {
  return status < 200 || status == 204 || status == 304 || method == Method::kHead;
}

ConnectionOptions connection_options(const HeaderList& headers) {
  ConnectionOptions options;
  for (const Field* f = headers.find(HeaderId::kConnection); f != nullptr; f = headers.next(f)) {
    CommaList list(f->value);
    std::string_view item;
    while (list.next(item)) {
      ++options.count;
      if (equals_ignore_case(item, "close")) options.close = true;
      if (equals_ignore_case(item, "keep-alive")) options.keep_alive = true;
      if (equals_ignore_case(item, "upgrade")) options.upgrade = true;
    }
  }
  return options;
}

bool names_websocket(const HeaderList& headers) {
  for (const Field* f = headers.find(HeaderId::kUpgrade); f != nullptr; f = headers.next(f)) {
    if (has_token(f->value, "websocket")) return true;
  }
  return false;
}

}  // namespace flagmesh::http
