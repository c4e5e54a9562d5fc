#include "lockfile/lines.h"

#include <cstdint>

#include "merkle/encoding.h"

namespace flagmesh::lockfile {

bool Lines::at(std::string_view word) const {
  return text_.starts_with(word) && text_.substr(word.size()).starts_with(' ');
}

Result<std::string_view> Lines::take() {
  line_++;
  size_t end = text_.find('\n');
  if (end == std::string_view::npos) return refuse("the text ends within a line");
  std::string_view line = text_.substr(0, end);
  text_.remove_prefix(end + 1);
  return line;
}

Result<std::string_view> Lines::take(std::string_view word) {
  const bool expected = at(word);
  Result<std::string_view> line = take();
  if (!line) return line;
  if (!expected) return refuse("a line with '" + std::string(word) + "' belongs here");
  return line->substr(word.size() + 1);
}

std::unexpected<Error> Lines::refuse(std::string why) const {
  return fail(code_, std::move(why), "line " + std::to_string(line_));
}

bool is_line_text(std::string_view text) {
  if (text.empty() || !merkle::is_utf8(text)) return false;
  for (char c : text) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) return false;
  }
  return true;
}

}  // namespace flagmesh::lockfile
