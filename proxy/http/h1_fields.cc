#include "proxy/http/h1_fields.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "proxy/http/tokens.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flagmesh::http {
namespace {

// Fields that the proxy may add, so that the table need not move for them.
constexpr size_t kRoomToAdd = 12;

// The first colon in [line, end), or `end`. Names are short: most often the first step finds it.
const char* find_colon(const char* line, const char* end) {
#if defined(__SSE2__)
  for (; line < end; line += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(line));
    const auto bits =
        static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8(':'))));
    if (bits != 0) return std::min(line + std::countr_zero(bits), end);
  }
  return end;
#else
  return std::find(line, end, ':');
#endif
}

constexpr bool is_visible(char c) {
  return static_cast<uint8_t>(c) > ' ';
}

H1Error why_bad_name(std::string_view name) {
  const bool blank_last = !name.empty() && (name.back() == ' ' || name.back() == '\t');
  return blank_last && is_token(trim(name)) ? H1Error::kSpaceBeforeColon : H1Error::kBadHeaderName;
}

H1Error parse_field(const char* line, const char* end, HeaderList& list) {
  if (*line == ' ' || *line == '\t') return H1Error::kObsFold;
  const char* colon = find_colon(line, end);
  if (colon == end) return H1Error::kBadHeaderName;
  const std::string_view name(line, static_cast<size_t>(colon - line));
  const HeaderId id = header_id(name);
  if (id == HeaderId::kOther && !is_token(name)) return why_bad_name(name);
  const char* value_at = colon + 2;
  // As nearly everyone writes it: one space, then a value that neither begins nor ends with one.
  if (value_at < end && colon[1] == ' ' && is_visible(*value_at) && is_visible(end[-1])) [[likely]] {
    list.add_reserved(id, name, {value_at, static_cast<size_t>(end - value_at)}, true);
    return H1Error::kNone;
  }
  const std::string_view text(colon + 1, static_cast<size_t>(end - colon - 1));
  const std::string_view value = trim(text);
  const bool whole_line = !text.empty() && text.front() == ' ' && value.size() + 1 == text.size();
  list.add_reserved(id, name, value, whole_line);
  return H1Error::kNone;
}

}  // namespace

H1Error parse_fields(std::string_view block, const LineEnds& lines, size_t first, size_t max_fields,
                     Arena& arena, HeaderList& list) {
  const size_t count = lines.count - first;
  if (count > std::min(max_fields, HeaderList::kMaxFields)) return H1Error::kHeadersTooLarge;
  if (list.size() + count > HeaderList::kMaxFields) return H1Error::kHeadersTooLarge;
  list.reserve(arena, std::min(list.size() + count + kRoomToAdd, HeaderList::kMaxFields));
  size_t at = first == 0 ? 0 : lines.at[first - 1] + 2;
  for (size_t i = first; i < lines.count; ++i) {
    const H1Error error = parse_field(block.data() + at, block.data() + lines.at[i], list);
    if (error != H1Error::kNone) return error;
    at = lines.at[i] + 2;
  }
  return H1Error::kNone;
}

std::string_view copy_block(std::string_view block, Arena& arena) {
  char* to = static_cast<char*>(arena.allocate(block.size() + kBlockPadding, 1));
  memcpy(to, block.data(), block.size());
  memset(to + block.size(), 0, kBlockPadding);
  return {to, block.size()};
}

}  // namespace flagmesh::http
