#include "control/flags/canonical_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "control/flags/utf8.h"

namespace flagmesh::flags {

namespace {

// The shortest digits that read back as `value` > 0, and where the decimal point stands: 0.d1d2… ×
// 10^point.
struct Decimal {
  std::string digits;
  int point = 0;
};

Decimal shortest_decimal(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t e = text.find('e');
  Decimal decimal;
  for (const char c : text.substr(0, e)) {
    if (c != '.') decimal.digits.push_back(c);
  }
  int exponent = 0;
  const size_t sign = e + 1;
  std::from_chars(text.data() + (text[sign] == '+' ? sign + 1 : sign), end, exponent);
  decimal.point = exponent + 1;
  return decimal;
}

void append_object(const JsonValue::Object& members, std::string& out) {
  std::vector<const JsonMember*> sorted;
  sorted.reserve(members.size());
  for (const JsonMember& member : members) sorted.push_back(&member);
  std::ranges::sort(sorted, [](const JsonMember* a, const JsonMember* b) {
    return utf16_less(a->name, b->name);
  });
  out.push_back('{');
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i != 0) out.push_back(',');
    append_json_string(sorted[i]->name, out);
    out.push_back(':');
    append_canonical_json(sorted[i]->value, out);
  }
  out.push_back('}');
}

}  // namespace

std::string ecmascript_number(double value) {
  if (value == 0) return "0";
  if (value < 0) return "-" + ecmascript_number(-value);
  const Decimal decimal = shortest_decimal(value);
  const int count = static_cast<int>(decimal.digits.size());
  const int point = decimal.point;
  if (count <= point && point <= 21)
    return decimal.digits + std::string(static_cast<size_t>(point - count), '0');
  if (0 < point && point <= 21) {
    return decimal.digits.substr(0, static_cast<size_t>(point)) + "." +
           decimal.digits.substr(static_cast<size_t>(point));
  }
  if (-6 < point && point <= 0)
    return "0." + std::string(static_cast<size_t>(-point), '0') + decimal.digits;
  std::string out = decimal.digits.substr(0, 1);
  if (count > 1) out += "." + decimal.digits.substr(1);
  const int exponent = point - 1;
  return out + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
}

bool utf16_less(std::string_view a, std::string_view b) {
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (right == b.end()) return false;
  if (left == a.end()) return true;
  // Code point order differs from UTF-16 order only where one side is above U+FFFF (surrogates,
  // 0xD800…) and the other is U+E000…U+FFFF: by lead bytes, F0…F4 sorts below EE and EF.
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xF0 ? 0xED00 + byte : byte << 8;
  };
  // The first difference may be inside a sequence; its lead byte is then equal on both sides and
  // bytes decide.
  return rank(*left) < rank(*right);
}

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20) {
          out += "\\u00";
          out.push_back(kHex[byte >> 4]);
          out.push_back(kHex[byte & 15]);
        } else {
          out.push_back(c);
        }
      }
    }
  }
  out.push_back('"');
}

void append_canonical_json(const JsonValue& value, std::string& out) {
  switch (value.type()) {
    case JsonValue::Type::kNull:
      out += "null";
      break;
    case JsonValue::Type::kBool:
      out += value.boolean() ? "true" : "false";
      break;
    case JsonValue::Type::kNumber:
      out += ecmascript_number(value.number());
      break;
    case JsonValue::Type::kString:
      append_json_string(value.string(), out);
      break;
    case JsonValue::Type::kArray: {
      out.push_back('[');
      bool first = true;
      for (const JsonValue& item : value.array()) {
        if (!first) out.push_back(',');
        first = false;
        append_canonical_json(item, out);
      }
      out.push_back(']');
      break;
    }
    case JsonValue::Type::kObject:
      append_object(value.object(), out);
      break;
  }
}

std::string canonical_json(const JsonValue& value) {
  std::string out;
  append_canonical_json(value, out);
  return out;
}

}  // namespace flagmesh::flags
