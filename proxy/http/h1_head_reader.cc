#include "proxy/http/h1_head_reader.h"

#include <algorithm>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_start_line.h"

namespace flagmesh::http {
namespace {

H1Error check_start_line(std::string_view line, HeadKind kind, const H1Limits& limits) {
  if (kind == HeadKind::kRequest) {
    RequestLine parts;
    return split_request_line(line, limits.target, parts);
  }
  StatusLine parts;
  return split_status_line(line, parts);
}

// Which part of the head the byte that may not be there is in.
H1Error why_bad(std::string_view window, size_t at, HeadKind kind) {
  if (window[at] == '\n') return H1Error::kBareLf;
  if (window[at] == '\r') return H1Error::kBareCr;
  const std::string_view before = window.substr(0, at);
  const size_t line_end = before.rfind('\n');
  if (line_end != std::string_view::npos) {
    return before.find(':', line_end) == std::string_view::npos ? H1Error::kBadHeaderName
                                                                : H1Error::kBadHeaderValue;
  }
  if (kind == HeadKind::kResponse) return H1Error::kBadStatusLine;
  const auto spaces = std::ranges::count(before, ' ');
  if (spaces == 0) return H1Error::kBadMethod;
  return spaces == 1 ? H1Error::kBadTarget : H1Error::kBadVersion;
}

// `window` is as long as a head may be and has no end.
H1Error why_too_large(std::string_view window, bool line_seen, HeadKind kind,
                      const H1Limits& limits) {
  const bool target_too_long =
      !line_seen && check_start_line(window, kind, limits) == H1Error::kTargetTooLong;
  return target_too_long ? H1Error::kTargetTooLong : H1Error::kHeadersTooLarge;
}

}  // namespace

H1HeadReader::Step H1HeadReader::read(std::string_view input, HeadKind kind, const H1Limits& limits,
                                      LineEnds& lines, size_t& size, H1Error& error) {
  const std::string_view window = input.substr(0, limits.header_block);
  size_t position = 0;
  const Scan scan = scan_lines(window, scanned_, lines, position);
  if (scan == Scan::kEnd) {
    size = position + 2;
    if (scanned_ != 0) {
      lines.count = 0;
      scan_lines(window.substr(0, size), 0, lines, position);
    }
    scanned_ = 0;
    line_seen_ = false;
    if (lines.count != 0) return Step::kComplete;
    error = kind == HeadKind::kRequest ? H1Error::kBadMethod : H1Error::kBadStatusLine;
    return Step::kError;
  }
  if (!line_seen_ && lines.count != 0) {
    error = check_start_line(window.substr(0, lines.at[0]), kind, limits);
    if (error != H1Error::kNone) return Step::kError;
    line_seen_ = true;
  }
  if (scan == Scan::kBad) {
    error = why_bad(window, position, kind);
    return Step::kError;
  }
  if (window.size() == limits.header_block) {
    error = why_too_large(window, line_seen_, kind, limits);
    return Step::kError;
  }
  scanned_ = static_cast<uint32_t>(position);
  return Step::kMore;
}

}  // namespace flagmesh::http
