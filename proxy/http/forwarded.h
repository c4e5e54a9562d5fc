// The Forwarded field (RFC 7239): what each proxy on the way says about who asked it.
#pragma once

#include <optional>
#include <string_view>

#include "proxy/base/arena.h"

namespace flagmesh::http {

// One proxy's words. Views into the field or, where a quoted string had escapes, into the arena; a
// parameter that is absent is empty. Others (by and extensions) are checked and dropped.
struct ForwardedElement {
  std::string_view node;  // "for": "192.0.2.43", "[2001:db8::17]:4711", "unknown", "_hidden"
  std::string_view host;
  std::string_view proto;
};

// Goes through the elements of one field value, the first proxy's first. Strict by the grammar of
// §4, with white space around "," as every list has it and nowhere else. A parameter twice in one
// element, a node (§6), host or scheme that is none are errors. An element may be empty.
class ForwardedReader {
 public:
  ForwardedReader(std::string_view value, Arena& arena) : rest_(value), arena_(arena) {}

  // The next element; nothing at the end and after an error.
  std::optional<ForwardedElement> next();
  bool bad() const { return bad_; }

 private:
  bool take_pair(ForwardedElement& element, unsigned& seen);
  bool take_value(std::string_view& value);
  bool take_quoted(std::string_view& value);
  void skip_blanks();

  std::string_view rest_;
  Arena& arena_;
  bool more_ = true;  // another element follows
  bool bad_ = false;
};

// The address of a node without brackets and port: "192.0.2.43", "2001:db8::17"; empty for
// "unknown", an obfuscated identifier, and what is no node.
std::string_view node_address(std::string_view node);

// `value` as a parameter's value: as it is when it is a token, else in quotes.
// REQUIRES: no quote and no backslash in it, as in an address or a valid authority.
std::string_view forwarded_value(std::string_view value, Arena& arena);

}  // namespace flagmesh::http
