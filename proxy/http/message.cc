#include "proxy/http/message.h"

#include <array>

namespace flagmesh::http {
namespace {

// In the order of Method; kOther has no name.
constexpr std::array<std::string_view, 10> kMethods{
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", ""};

}  // namespace

std::string_view method_name(Method method) {
  return kMethods[static_cast<size_t>(method)];
}

Method method_of(std::string_view token) {
  for (size_t i = 0; i + 1 < kMethods.size(); ++i) {
    if (token == kMethods[i]) return static_cast<Method>(i);
  }
  return Method::kOther;
}

bool is_idempotent(Method method) {
  switch (method) {
    case Method::kGet:
    case Method::kHead:
    case Method::kPut:
    case Method::kDelete:
    case Method::kOptions:
    case Method::kTrace:
      return true;
    case Method::kPost:
    case Method::kConnect:
    case Method::kPatch:
    case Method::kOther:
      return false;
  }
  return false;
}

}  // namespace flagmesh::http
