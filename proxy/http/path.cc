#include "proxy/http/path.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

// What a byte means in a target. kQueryOnly may stand in a query as it is, but not in a path:
// browsers send it raw there.
enum Kind : uint8_t { kBad, kPlain, kSlash, kPercent, kQuestion, kQueryOnly };

constexpr bool is_alnum(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
constexpr bool is_unreserved(int c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (int c = 0; c < 128; ++c) {
    if (is_unreserved(c)) kinds[static_cast<size_t>(c)] = kPlain;
  }
  // sub-delims, ":" and "@" of pchar; the second group is outside RFC 3986, but clients send it and
  // no reader takes it for a separator.
  for (const char c : std::string_view("!$&'()*+,;=:@"
                                       "[]{}|^`"))
    kinds[static_cast<size_t>(c)] = kPlain;
  kinds['/'] = kSlash;
  kinds['%'] = kPercent;
  kinds['?'] = kQuestion;
  kinds['\\'] = kQueryOnly;
  return kinds;
}();

Kind kind_of(char c) {
  return kKinds[static_cast<uint8_t>(c)];
}

// The byte that the escape at the front of `text` stands for, or -1 when it is malformed.
int escaped_byte(std::string_view text) {
  if (text.size() < 3) return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

struct PathScan {
  bool valid = false;
  bool normal = true;  // certainly in normal form already
  size_t end = 0;      // of the path: the '?' or the end of the text
};

PathScan scan_path(std::string_view text) {
  PathScan scan;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    const Kind kind = kind_of(text[i]);
    if (kind == kPlain) continue;
    if (kind == kQuestion) break;
    if (kind == kSlash) {
      const char next = i + 1 < text.size() ? text[i + 1] : 'x';
      if (next == '/' || next == '.') scan.normal = false;
    } else {
      if (kind != kPercent || escaped_byte(text.substr(i)) <= 0) return scan;
      scan.normal = false;
    }
  }
  scan.end = i;
  scan.valid = true;
  return scan;
}

bool is_valid_query(std::string_view query) {
  return std::ranges::all_of(query, [](char c) { return kind_of(c) != kBad; });
}

// Writes the path one segment at a time and forgets a segment again when it proves to be empty, "."
// or "..".
class PathWriter {
 public:
  explicit PathWriter(char* to) : begin_(to), end_(to), segment_(to) { slash(); }

  void put(char c) { *end_++ = c; }
  void end_segment(bool slash_follows) {
    const std::string_view segment(segment_, static_cast<size_t>(end_ - segment_));
    if (segment == ".." || segment == ".") {
      const bool up = segment.size() == 2;
      end_ = segment_;
      if (up && end_ != begin_ + 1) {
        do --end_;
        while (end_[-1] != '/');
        segment_ = end_;
      }
    } else if (!segment.empty() && slash_follows) {
      slash();
    }
  }
  size_t size() const { return static_cast<size_t>(end_ - begin_); }

 private:
  void slash() {
    *end_++ = '/';
    segment_ = end_;
  }
  char* begin_;
  char* end_;
  char* segment_;  // where the current segment begins
};

// REQUIRES: `path` passed scan_path and begins with '/'.
size_t write_normal_path(std::string_view path, char* to) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  PathWriter out(to);
  for (size_t i = 1; i < path.size(); ++i) {
    if (path[i] == '/') {
      out.end_segment(true);
    } else if (path[i] == '%') {
      const int byte = escaped_byte(path.substr(i));
      i += 2;
      if (is_unreserved(byte)) {
        out.put(static_cast<char>(byte));
      } else {
        out.put('%');
        out.put(kHex[static_cast<size_t>(byte) / 16]);
        out.put(kHex[static_cast<size_t>(byte) % 16]);
      }
    } else {
      out.put(path[i]);
    }
  }
  out.end_segment(false);
  return out.size();
}

// `raw` begins with '/'.
bool parse_origin_form(std::string_view raw, bool normalize, Arena& arena, Target& target) {
  const PathScan scan = scan_path(raw);
  if (!scan.valid || !is_valid_query(raw.substr(scan.end))) return false;
  size_t path_end = scan.end;
  if (normalize && !scan.normal) {
    char* text = static_cast<char*>(arena.allocate(raw.size(), 1));
    path_end = write_normal_path(raw.substr(0, scan.end), text);
    const std::string_view rest = raw.substr(scan.end);
    std::ranges::copy(rest, text + path_end);
    raw = {text, path_end + rest.size()};
  }
  target.text = raw;
  target.path = raw.substr(0, path_end);
  if (path_end != raw.size()) target.query = raw.substr(path_end + 1);
  return true;
}

bool parse_absolute_form(std::string_view raw, Method method, bool normalize, Arena& arena,
                         Target& target) {
  const size_t colon = raw.find("://");
  if (colon == std::string_view::npos) return false;
  target.scheme = raw.substr(0, colon);
  if (!equals_ignore_case(target.scheme, "http") && !equals_ignore_case(target.scheme, "https")) {
    return false;
  }
  raw.remove_prefix(colon + 3);
  const size_t end = std::min(raw.find_first_of("/?"), raw.size());
  target.authority = raw.substr(0, end);
  if (!is_valid_authority(target.authority)) return false;
  raw.remove_prefix(end);
  if (raw.empty() && method == Method::kOptions) {
    // The last proxy before the origin asks about the server as a whole (RFC 9112 §3.2.4).
    target.text = target.path = "*";
    return true;
  }
  if (raw.empty() || raw.front() != '/') raw = arena.join("/", raw);
  return parse_origin_form(raw, normalize, arena, target);
}

bool is_valid_ipv6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> name{};
  if (text.size() >= name.size()) return false;
  std::ranges::copy(text, name.begin());
  in6_addr address;
  return inet_pton(AF_INET6, name.data(), &address) == 1;
}

// unreserved and sub-delims without the comma, which would come of two Host fields joined.
constexpr std::array<bool, 256> kNameChars = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c) table[static_cast<size_t>(c)] = is_unreserved(c);
  for (const char c : std::string_view("!$&'()*+;=")) table[static_cast<size_t>(c)] = true;
  return table;
}();

// Where the registered name at the front of `text` ends.
size_t registered_name_end(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    if (kNameChars[static_cast<uint8_t>(text[i])]) {
      ++i;
    } else if (text[i] == '%' && escaped_byte(text.substr(i)) > 0) {
      i += 3;
    } else {
      break;
    }
  }
  return i;
}

bool is_valid_port(std::string_view text) {
  if (text.size() > 5) return false;
  unsigned port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

}  // namespace

std::optional<Target> parse_target(std::string_view raw, Method method, bool normalize,
                                   Arena& arena) {
  std::optional<Target> target(std::in_place);
  bool valid = false;
  if (raw.starts_with('/')) {
    valid = parse_origin_form(raw, normalize, arena, *target);
  } else if (raw == "*") {
    target->text = target->path = raw;
    valid = method == Method::kOptions;
  } else {
    valid = parse_absolute_form(raw, method, normalize, arena, *target);
  }
  if (!valid) target.reset();
  return target;
}

bool is_valid_authority(std::string_view text) {
  size_t host_end = 0;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || !is_valid_ipv6(text.substr(1, close - 1))) return false;
    host_end = close + 1;
  } else {
    host_end = registered_name_end(text);
    if (host_end == 0) return false;
  }
  if (host_end == text.size()) return true;
  return text[host_end] == ':' && is_valid_port(text.substr(host_end + 1));
}

}  // namespace flagmesh::http
