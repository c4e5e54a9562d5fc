#include "filters/request_context.h"

#include "proxy/http/cookie.h"
#include "proxy/http/query.h"
#include "proxy/limits.h"

namespace flagmesh::filters {

namespace {

// The value of the only field with that name; nothing when it is absent or repeated.
std::optional<std::string_view> single_header(const http::HeaderList& headers, std::string_view name) {
  const http::HeaderId id = http::header_id(name);
  if (id != http::HeaderId::kOther) {
    const http::Field* field = headers.find(id);
    if (field == nullptr || headers.next(field) != nullptr) return std::nullopt;
    return field->value;
  }
  const http::Field* field = headers.find(name);
  if (field == nullptr || headers.next(field) != nullptr) return std::nullopt;
  return field->value;
}

std::optional<std::string_view> single(const http::Lookup& found) {
  if (found.found != http::Found::kOnce) return std::nullopt;
  return found.value;
}

std::string_view host_only(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

std::optional<std::string_view> nonempty(std::string_view value) {
  return value.empty() ? std::nullopt : std::optional(value);
}

std::optional<std::string_view> tls_fact(const net::TlsInfo* tls, std::string_view name) {
  if (tls == nullptr) return std::nullopt;
  if (name == "version") return tls->version;
  if (name == "cipher") return tls->cipher;
  if (name == "alpn") return nonempty(tls->alpn);
  if (name == "sni") return nonempty(tls->sni);
  if (tls->client == nullptr) return std::nullopt;
  if (name == "client_subject") return nonempty(tls->client->subject);
  if (name == "client_san") return nonempty(tls->client->san);
  if (name == "client_fingerprint") return tls->client->fingerprint;
  return std::nullopt;
}

std::optional<std::string_view> fact(stream::Stream& stream, std::string_view head, std::string_view tail) {
  const http::RequestHead& request = stream.request();
  if (head == "header") return single_header(request.headers, tail);
  if (head == "cookie") return single(http::find_cookie(request.headers, tail));
  if (head == "query") return single(http::find_query_parameter(request.query, tail, stream.arena()));
  if (head == "tls") return tls_fact(stream.session().peer().tls_info.get(), tail);
  if (!tail.empty()) return std::nullopt;
  if (head == "path") return request.path;
  if (head == "method") return request.method_text;
  if (head == "host") return host_only(request.authority);
  if (head == "ip") return stream.client().ip;
  return std::nullopt;
}

}  // namespace

flags::ContextValue RequestContext::lookup(const flags::ContextPath& path) const noexcept {
  const std::optional<std::string_view> value = fact(stream_, path.head(), path.tail());
  return value ? flags::ContextValue(*value) : flags::ContextValue();
}

int64_t RequestContext::unix_seconds() const noexcept { return stream_.worker().io.loop().unix_seconds(); }

std::string_view key_from(stream::Stream& stream, const snapshot::KeySource& source) {
  std::optional<std::string_view> value;
  switch (source.kind) {
    case snapshot::KeyKind::kHeader: value = single_header(stream.request().headers, source.name); break;
    case snapshot::KeyKind::kCookie: value = single(http::find_cookie(stream.request().headers, source.name)); break;
    case snapshot::KeyKind::kQuery:
      value = single(http::find_query_parameter(stream.request().query, source.name, stream.arena()));
      break;
    case snapshot::KeyKind::kIp: value = stream.client().ip; break;
    case snapshot::KeyKind::kMint: break;
  }
  if (!value || value->size() > limits::kTargetingKeyBytes) return {};
  return *value;
}

}  // namespace flagmesh::filters
