#include "proxy/http/h2_fields.h"

#include <algorithm>
#include <array>

#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

// What a field costs besides its bytes, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2).
constexpr size_t kFieldOverhead = 32;

constexpr std::array<bool, 256> kNameChars = [] {
  std::array<bool, 256> table = kTokenChars;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = false;
  return table;
}();

bool is_h2_name(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return kNameChars[static_cast<uint8_t>(c)]; });
}

constexpr bool is_connection_specific(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
      return true;
    default:
      return false;
  }
}

// An empty value is not an absent one: it has an address.
constexpr std::string_view kEmptyValue = "";

std::string_view kept(std::string_view text, bool fixed, Arena& arena) {
  if (text.empty()) return kEmptyValue;
  return fixed ? text : arena.copy(text);
}

}  // namespace

bool is_h2_value(std::string_view value) {
  if (value.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (blank(value.front()) || blank(value.back())) return false;
  unsigned bad = 0;
  for (const char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    bad |= static_cast<unsigned>(byte < 0x20) & static_cast<unsigned>(byte != '\t');
    bad |= static_cast<unsigned>(byte == 0x7f);
  }
  return bad == 0;
}

void H2FieldReader::add(const H2Field& field, const H1Limits& limits, Arena& arena,
                        HeaderList& list) {
  if (error_ != H1Error::kNone) return;
  const bool trailers = kind_ == Kind::kTrailers;
  bytes_ += static_cast<uint32_t>(field.name.size() + field.value.size() + kFieldOverhead);
  if (bytes_ > (trailers ? limits.trailer_block : limits.header_block)) {
    error_ = trailers ? H1Error::kTrailersTooLarge : H1Error::kHeadersTooLarge;
  } else if (!field.fixed_value && !is_h2_value(field.value)) {
    error_ = H1Error::kBadHeaderValue;
  } else if (field.name.starts_with(':')) {
    error_ = take_pseudo(field, arena);
  } else {
    error_ = take_regular(field, limits, arena, list);
  }
}

std::string_view* H2FieldReader::pseudo_of(std::string_view name) {
  if (kind_ == Kind::kResponse) return name == ":status" ? &pseudo_.status : nullptr;
  if (kind_ == Kind::kTrailers) return nullptr;
  if (name == ":path") return &pseudo_.path;
  if (name == ":method") return &pseudo_.method;
  if (name == ":scheme") return &pseudo_.scheme;
  if (name == ":authority") return &pseudo_.authority;
  return name == ":protocol" ? &pseudo_.protocol : nullptr;
}

// In front of all others, each one once, none that we do not know (RFC 9113 §8.3).
H1Error H2FieldReader::take_pseudo(const H2Field& field, Arena& arena) {
  std::string_view* place = pseudo_of(field.name);
  if (place == nullptr || regular_seen_ || place->data() != nullptr) {
    return kind_ == Kind::kTrailers ? H1Error::kBadTrailer : H1Error::kBadPseudoHeader;
  }
  *place = kept(field.value, field.fixed_value, arena);
  return H1Error::kNone;
}

H1Error H2FieldReader::take_regular(const H2Field& field, const H1Limits& limits, Arena& arena,
                                    HeaderList& list) {
  regular_seen_ = true;
  const HeaderId id = header_id(field.name);
  // Known names are found whatever their case; HTTP/2 has lower case only.
  const bool valid = id == HeaderId::kOther ? is_h2_name(field.name) : field.name == header_name(id);
  if (!valid) return H1Error::kBadHeaderName;
  if (is_connection_specific(id)) return H1Error::kConnectionField;
  if (id == HeaderId::kTe && !equals_ignore_case(field.value, "trailers")) {
    return H1Error::kConnectionField;
  }
  const std::string_view name =
      id == HeaderId::kOther ? kept(field.name, field.fixed_name, arena) : header_name(id);
  const bool room = list.size() < limits.fields &&
                    list.add(arena, id, name, kept(field.value, field.fixed_value, arena));
  if (room) {
    (list.end() - 1)->never_indexed = field.never_indexed;
    return H1Error::kNone;
  }
  return kind_ == Kind::kTrailers ? H1Error::kTrailersTooLarge : H1Error::kHeadersTooLarge;
}

}  // namespace flagmesh::http
