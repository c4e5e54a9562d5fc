#include "proxy/http/h1_start_line.h"

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// HTTP-name "/" DIGIT "." DIGIT
H1Error parse_version(std::string_view text, Version& version) {
  if (text == "HTTP/1.1") {
    version = Version::kHttp11;
    return H1Error::kNone;
  }
  const bool shaped = text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) &&
                      text[6] == '.' && is_digit(text[7]);
  if (!shaped) return H1Error::kBadVersion;
  if (text[5] != '1') return H1Error::kUnsupportedVersion;
  version = text[7] == '0' ? Version::kHttp10 : Version::kHttp11;
  return H1Error::kNone;
}

}  // namespace

H1Error split_request_line(std::string_view line, size_t max_target, RequestLine& out) {
  const size_t space = line.find(' ');
  out.method = line.substr(0, space);
  if (!is_token(out.method)) return H1Error::kBadMethod;
  if (space == std::string_view::npos) return H1Error::kBadTarget;
  line.remove_prefix(space + 1);
  const size_t end = line.find(' ');
  out.target = line.substr(0, end);
  if (out.target.empty()) return H1Error::kBadTarget;
  if (out.target.size() > max_target) return H1Error::kTargetTooLong;
  if (end == std::string_view::npos) return H1Error::kUnsupportedVersion;  // as HTTP/0.9 had it
  const H1Error error = parse_version(line.substr(end + 1), out.version);
  if (error != H1Error::kNone) return error;
  return out.method == "CONNECT" ? H1Error::kConnectRefused : H1Error::kNone;
}

H1Error split_status_line(std::string_view line, StatusLine& out) {
  constexpr size_t kVersionSize = 8;
  constexpr size_t kReasonAt = 13;  // "HTTP/1.1 200 "
  if (line.size() < kReasonAt - 1 || line[kVersionSize] != ' ') return H1Error::kBadStatusLine;
  const H1Error error = parse_version(line.substr(0, kVersionSize), out.version);
  if (error != H1Error::kNone) return error;
  const char* digits = line.data() + kVersionSize + 1;
  if (!is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2]) || digits[0] == '0') {
    return H1Error::kBadStatusLine;
  }
  out.status =
      static_cast<uint16_t>((digits[0] - '0') * 100 + (digits[1] - '0') * 10 + digits[2] - '0');
  if (line.size() < kReasonAt) return H1Error::kNone;
  if (digits[3] != ' ') return H1Error::kBadStatusLine;
  out.reason = line.substr(kReasonAt);
  return H1Error::kNone;
}

}  // namespace flagmesh::http
