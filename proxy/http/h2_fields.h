// The fields of an HTTP/2 header block one by one, strict by RFC 9113 §8.2 and §8.3. Internal to
// the codec.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_errors.h"
#include "proxy/http/headers.h"

namespace flagmesh::http {

// A field as HPACK gives it. `fixed`: the bytes live for ever (the static table).
struct H2Field {
  std::string_view name;
  std::string_view value;
  bool fixed_name = false;
  bool fixed_value = false;
  bool never_indexed = false;  // RFC 7541 §6.2.3
};

// What is looked up by name only once: the pseudo-header fields. Absent ones have a null data().
struct H2Pseudo {
  std::string_view method;
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
  std::string_view protocol;  // RFC 8441
  std::string_view status;
};

// Takes one block after the other. The first thing that is wrong stays; what follows is dropped.
class H2FieldReader {
 public:
  enum class Kind : uint8_t { kRequest, kResponse, kTrailers };

  void start(Kind kind) {
    pseudo_ = {};
    bytes_ = 0;
    kind_ = kind;
    error_ = H1Error::kNone;
    regular_seen_ = false;
  }
  void add(const H2Field& field, const H1Limits& limits, Arena& arena, HeaderList& list);

  Kind kind() const { return kind_; }
  H1Error error() const { return error_; }
  const H2Pseudo& pseudo() const { return pseudo_; }

 private:
  H1Error take_pseudo(const H2Field& field, Arena& arena);
  std::string_view* pseudo_of(std::string_view name);
  H1Error take_regular(const H2Field& field, const H1Limits& limits, Arena& arena,
                       HeaderList& list);

  H2Pseudo pseudo_;
  uint32_t bytes_ = 0;
  Kind kind_ = Kind::kRequest;
  H1Error error_ = H1Error::kNone;
  bool regular_seen_ = false;
};

// No control byte but HTAB, no white space around it (RFC 9113 §8.2.1).
bool is_h2_value(std::string_view value);

}  // namespace flagmesh::http
