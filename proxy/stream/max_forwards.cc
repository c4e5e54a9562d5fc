#include "proxy/stream/max_forwards.h"

#include <charconv>
#include <string>

#include "proxy/stream/local_handler.h"
#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

using http::HeaderId;

constexpr std::string_view kAllow = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE";

std::optional<uint32_t> only_number(const http::HeaderList& headers) {
  const http::Field* field = headers.find(HeaderId::kMaxForwards);
  const std::string_view text = field->value;
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || headers.next(field) != nullptr) return std::nullopt;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number
                              : UINT32_MAX;  // more than we count to is as good as no limit
}

bool is_sensitive(HeaderId id) {
  return id == HeaderId::kAuthorization || id == HeaderId::kCookie ||
         id == HeaderId::kProxyAuthorization || id == HeaderId::kXApiKey;
}

// RFC 9110 §9.3.8: the message as it came, without what is nobody's business.
std::string reflect(const http::RequestHead& request) {
  std::string text;
  text.append(request.method_text).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  for (const http::Field& field : request.headers) {
    if (field.erased || is_sensitive(field.id)) continue;
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text + "\r\n";
}

}  // namespace

bool answered_by_max_forwards(Stream& stream) {
  http::RequestHead& request = stream.request();
  const bool trace = request.method == http::Method::kTrace;
  if (!trace && request.method != http::Method::kOptions) return false;
  const std::optional<uint32_t> left = only_number(request.headers);
  if (!left) {
    stream.local_reply(kBadMaxForwards);
    return true;
  }
  if (*left != 0) {
    char* text = stream.arena().allocate_array<char>(10);
    const char* end = std::to_chars(text, text + 10, *left - 1).ptr;
    request.headers.set(stream.arena(), HeaderId::kMaxForwards,
                        {text, static_cast<size_t>(end - text)});
    return false;
  }
  LocalResponse response{.content_type = trace ? "message/http" : ""};
  if (trace) {
    response.body = reflect(request);
  } else {
    response.headers.emplace_back("allow", kAllow);
  }
  LocalReply(stream.local_state().handle).send(std::move(response));
  return true;
}

}  // namespace flagmesh::stream
