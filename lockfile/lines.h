// Reading the line formats of this box: a cursor over text whose lines begin with a word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::lockfile {

// A view; the text must outlive it.
class Lines {
 public:
  // `code` is that of every error that refuse() makes.
  Lines(std::string_view text, const char* code) : text_(text), code_(code) {}

  bool at_end() const { return text_.empty(); }
  // What was not taken yet.
  std::string_view rest() const { return text_; }
  // The next line begins with `word` and a blank.
  bool at(std::string_view word) const;
  // The next line without its newline. A last line without newline is refused.
  Result<std::string_view> take();
  // What follows `word` and a blank on the next line.
  Result<std::string_view> take(std::string_view word);

  // An error at the line that was taken last.
  std::unexpected<Error> refuse(std::string why) const;

 private:
  std::string_view text_;
  const char* code_;
  size_t line_ = 0;
};

// Not empty, UTF-8, no control character: what a path or a key in a line may be.
bool is_line_text(std::string_view text);

}  // namespace flagmesh::lockfile
