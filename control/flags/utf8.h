// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/flags/json_value.h"

namespace flagmesh::flags {

// Offset of the first byte that does not belong to a well-formed sequence; nothing when all do.
std::optional<size_t> utf8_error(std::string_view text) noexcept;

// The code point that starts at `at`, which moves behind it. REQUIRES: well-formed text, at < size.
char32_t next_code_point(std::string_view text, size_t& at) noexcept;

void append_utf8(char32_t code_point, std::string& out);

// Line and column of an offset.
Mark mark_of(std::string_view text, size_t offset);

}  // namespace flagmesh::flags
