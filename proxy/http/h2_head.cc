#include "proxy/http/h2_head.h"

#include <cstring>

#include "proxy/http/h1_framing.h"
#include "proxy/http/path.h"
#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr bool is_present(std::string_view value) {
  return value.data() != nullptr;
}

H1Error read_method(const H2Pseudo& pseudo, bool end, RequestHead& head) {
  if (!is_present(pseudo.method)) return H1Error::kBadPseudoHeader;
  if (!is_token(pseudo.method)) return H1Error::kBadMethod;
  head.method_text = pseudo.method;
  head.method = method_of(pseudo.method);
  if (head.method != Method::kConnect) {
    return is_present(pseudo.protocol) ? H1Error::kBadPseudoHeader : H1Error::kNone;
  }
  if (pseudo.protocol != "websocket") return H1Error::kConnectRefused;
  if (end) return H1Error::kBadPseudoHeader;
  head.upgrade_websocket = true;
  head.method = Method::kGet;
  head.method_text = method_name(Method::kGet);
  return H1Error::kNone;
}

H1Error read_target(const H2Pseudo& pseudo, const H1Limits& limits, Arena& arena,
                    RequestHead& head) {
  if (!is_present(pseudo.scheme) || pseudo.path.empty()) return H1Error::kBadPseudoHeader;
  if (!equals_ignore_case(pseudo.scheme, "http") && !equals_ignore_case(pseudo.scheme, "https")) {
    return H1Error::kBadTarget;
  }
  if (pseudo.path.size() > limits.target) return H1Error::kTargetTooLong;
  if (pseudo.path.front() != '/' && pseudo.path != "*") return H1Error::kBadTarget;
  const std::optional<Target> target =
      parse_target(pseudo.path, head.method, limits.normalize_path, arena);
  if (!target) return H1Error::kBadTarget;
  head.scheme = pseudo.scheme;
  head.target = target->text;
  head.path = target->path;
  head.query = target->query;
  return H1Error::kNone;
}

// §8.3.1: :authority or Host; both only when they say the same.
H1Error read_authority(const H2Pseudo& pseudo, Arena& arena, RequestHead& head) {
  const Field* host = head.headers.find(HeaderId::kHost);
  if (host != nullptr && head.headers.next(host) != nullptr) return H1Error::kRepeatedHost;
  if (!is_present(pseudo.authority)) {
    if (host == nullptr) return H1Error::kMissingHost;
    head.authority = host->value;
  } else {
    head.authority = pseudo.authority;
    if (host == nullptr) {
      if (!head.headers.add(arena, HeaderId::kHost, head.authority)) {
        return H1Error::kHeadersTooLarge;
      }
    } else if (!equals_ignore_case(host->value, head.authority)) {
      return H1Error::kAuthorityConflict;
    }
  }
  return is_valid_authority(head.authority) ? H1Error::kNone : H1Error::kBadHost;
}

// §8.2.3: one field, as every other version of HTTP has it.
void join_cookies(Arena& arena, HeaderList& headers) {
  const Field* first = headers.find(HeaderId::kCookie);
  if (first == nullptr || headers.next(first) == nullptr) return;
  constexpr std::string_view kBetween = "; ";
  size_t bytes = 0;
  for (const Field* f = first; f != nullptr; f = headers.next(f)) {
    bytes += f->value.size() + kBetween.size();
  }
  char* text = static_cast<char*>(arena.allocate(bytes, 1));
  char* end = text;
  bool never_indexed = false;
  const auto put = [&end](std::string_view piece) {
    memcpy(end, piece.data(), piece.size());
    end += piece.size();
  };
  for (const Field* f = first; f != nullptr; f = headers.next(f)) {
    never_indexed = never_indexed || f->never_indexed;
    if (f->value.empty()) continue;
    if (end != text) put(kBetween);
    put(f->value);
  }
  Field& kept = *(headers.begin() + (first - headers.begin()));
  kept.never_indexed = never_indexed;
  for (const Field* f = headers.next(first); f != nullptr;) {
    const Field* next = headers.next(f);
    headers.erase(*(headers.begin() + (f - headers.begin())));
    f = next;
  }
  kept.value = {text, static_cast<size_t>(end - text)};
}

H1Error read_body(bool end, RequestHead& head) {
  const H1Error error = request_framing(head.headers, Version::kHttp2, head.body);
  if (error != H1Error::kNone) return error;
  if (head.upgrade_websocket) {
    head.body = {};
    return head.headers.has(HeaderId::kContentLength) ? H1Error::kBadContentLength : H1Error::kNone;
  }
  if (head.body.kind == Framing::kLength && end && head.body.length != 0) {
    return H1Error::kLengthMismatch;
  }
  if (head.body.kind == Framing::kNone && !end) head.body.kind = Framing::kChunked;
  return H1Error::kNone;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

H1Error finish_h2_request(const H2Pseudo& pseudo, bool end, const H1Limits& limits, Arena& arena,
                          RequestHead& head) {
  head.version = Version::kHttp2;
  H1Error error = read_method(pseudo, end, head);
  if (error == H1Error::kNone) error = read_target(pseudo, limits, arena, head);
  if (error == H1Error::kNone) error = read_authority(pseudo, arena, head);
  if (error == H1Error::kNone) error = read_body(end, head);
  if (error != H1Error::kNone) return error;
  join_cookies(arena, head.headers);
  head.keep_alive = true;
  head.te_trailers = head.headers.has(HeaderId::kTe);  // nothing else passed
  head.expect_continue =
      !end && has_token(head.headers.value(HeaderId::kExpect), "100-continue");
  return H1Error::kNone;
}

H1Error finish_h2_response(const H2Pseudo& pseudo, bool end, Method method, bool websocket,
                           ResponseHead& head) {
  const std::string_view status = pseudo.status;
  if (!is_present(status)) return H1Error::kBadPseudoHeader;
  const bool shaped = status.size() == 3 && is_digit(status[0]) && is_digit(status[1]) &&
                      is_digit(status[2]) && status[0] != '0';
  if (!shaped) return H1Error::kBadStatusLine;
  head.version = Version::kHttp2;
  head.keep_alive = true;
  head.status =
      static_cast<uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + status[2] - '0');
  if (head.status == 101) return H1Error::kUnexpectedSwitch;  // §8.6
  if (head.status < 200) return end ? H1Error::kTruncated : H1Error::kNone;
  if (websocket && head.status < 300) {
    head.status = 101;
    head.body = {};
    return end ? H1Error::kTruncated : H1Error::kNone;
  }
  const H1Error error =
      response_framing(head.headers, Version::kHttp2, head.status, method, head.body);
  if (error != H1Error::kNone) return error;
  head.ended = end;
  if (head.body.kind == Framing::kUntilClose) {
    head.body = end ? BodyFraming{Framing::kLength, 0} : BodyFraming{Framing::kChunked, 0};
  }
  const bool short_one = end && head.body.kind == Framing::kLength && head.body.length != 0;
  return short_one ? H1Error::kLengthMismatch : H1Error::kNone;
}

bool is_malformed(H1Error error) {
  switch (error) {
    case H1Error::kNone:
    case H1Error::kBadTarget:
    case H1Error::kTargetTooLong:
    case H1Error::kHeadersTooLarge:
    case H1Error::kMissingHost:
    case H1Error::kBadHost:
    case H1Error::kConnectRefused:
      return false;
    default:
      return true;
  }
}

}  // namespace flagmesh::http
