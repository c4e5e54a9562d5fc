#include "proxy/http/hop_by_hop.h"

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr bool is_hop_by_hop(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kHttp2Settings:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyAuthenticate:
    case HeaderId::kProxyAuthorization:
    case HeaderId::kProxyConnection:
    case HeaderId::kTe:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
    case HeaderId::kXFlagmeshEpoch:
    case HeaderId::kXFlagmeshFlag:
    case HeaderId::kXFlagmeshReason:
    case HeaderId::kXFlagmeshStale:
    case HeaderId::kXFlagmeshVariant:
      return true;
    default:
      return false;
  }
}

constexpr bool is_forwarding(HeaderId id) {
  switch (id) {
    case HeaderId::kForwarded:
    case HeaderId::kXForwardedFor:
    case HeaderId::kXForwardedHost:
    case HeaderId::kXForwardedPort:
    case HeaderId::kXForwardedProto:
    case HeaderId::kXRealIp:
      return true;
    default:
      return false;
  }
}

bool is_forwarded_name(std::string_view name) {
  constexpr std::string_view kPrefix = "x-forwarded-";
  return name.size() >= kPrefix.size() && to_lower(name[0]) == 'x' &&
         equals_ignore_case(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace

void remove_nominated(std::string_view options, HeaderList& fields) {
  CommaList list(options);
  std::string_view name;
  while (list.next(name)) {
    const bool option = equals_ignore_case(name, "close");
    if (!option && header_id(name) == HeaderId::kOther) fields.remove(name);
  }
}

void remove_hop_by_hop(HeaderList& headers) {
  for (const Field* f = headers.find(HeaderId::kConnection); f != nullptr; f = headers.next(f)) {
    remove_nominated(f->value, headers);
  }
  for (Field& field : headers) {
    const bool removed =
        field.id == HeaderId::kOther ? is_flagmesh_name(field.name) : is_hop_by_hop(field.id);
    if (removed) headers.erase(field);
  }
}

void remove_forwarding(HeaderList& headers) {
  for (Field& field : headers) {
    const bool removed =
        field.id == HeaderId::kOther ? is_forwarded_name(field.name) : is_forwarding(field.id);
    if (removed) headers.erase(field);
  }
}

void remove_forbidden_trailers(HeaderList& trailers) {
  for (Field& field : trailers) {
    const bool removed =
        field.id == HeaderId::kOther ? is_flagmesh_name(field.name) : field.id != HeaderId::kEtag;
    if (removed) trailers.erase(field);
  }
}

}  // namespace flagmesh::http
