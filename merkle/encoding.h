// Text forms of bytes: hexadecimal, base64, big-endian integers, and the check for UTF-8.
// Everything that decodes is strict: one byte string has exactly one accepted text, so what is
// hashed or signed cannot be written in two ways. Free functions without state; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace flagmesh::merkle {

// Lower-case hexadecimal, two letters a byte.
std::string hex_encode(std::string_view bytes);
// Lower case only, even length. Code "bad_hex".
Result<std::string> hex_decode(std::string_view text);

// Base64 of RFC 4648 section 4 with padding.
std::string base64_encode(std::string_view bytes);
// Padding required, unused bits zero, no other character (white space included). Code "bad_base64".
Result<std::string> base64_decode(std::string_view text);

// Well-formed UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// ASCII decimal without sign, leading zero or blank, at most 2^64-1. Code "bad_number".
Result<uint64_t> parse_decimal(std::string_view text);

// Big-endian integers: append_* appends 8 or 4 bytes; read_* REQUIRES at least that many bytes at
// `bytes`.
void append_u64(std::string& out, uint64_t value);
void append_u32(std::string& out, uint32_t value);
uint64_t read_u64(std::string_view bytes);
uint32_t read_u32(std::string_view bytes);

}  // namespace flagmesh::merkle
