// What our decoders make of messages, for comparison with other parsers (differential_node.js). Standard input is a row of
// records: one byte of flags (1: a response, 2: to HEAD, 4: to an upgrade, 8: the connection ends behind it), four bytes of
// length (little-endian), the bytes. Each gives one line: a JSON list of the events that h1_trace.h writes down, one
// character U+0000..U+00FF for each byte.
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "tests/proxy/http/h1_trace.h"

using namespace flagmesh::http;

namespace {

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
      out += c;
    } else {
      std::array<char, 8> escaped;
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", byte);
      out += escaped.data();
    }
  }
  out += '"';
}

std::string outcome(unsigned flags, const std::string& text) {
  static const H1Limits limits;
  const ResponseContext context{(flags & 2) != 0 ? Method::kHead : Method::kGet, (flags & 4) != 0, (flags & 8) != 0};
  const TraceWriter trace =
      (flags & 1) != 0 ? trace_response(text, 0, context, limits) : trace_request(text, 0, limits);
  std::string line = "[";
  for (const std::string& event : trace.lines) {
    if (line.size() > 1) line += ',';
    append_json(line, event);
  }
  return line + "]\n";
}

}  // namespace

int main() {
  std::array<unsigned char, 5> head;
  std::string text;
  while (std::fread(head.data(), 1, head.size(), stdin) == head.size()) {
    const uint32_t size = head[1] | head[2] << 8 | head[3] << 16 | static_cast<uint32_t>(head[4]) << 24;
    text.resize(size);
    if (std::fread(text.data(), 1, size, stdin) != size) return 1;
    const std::string line = outcome(head[0], text);
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
  return 0;
}
