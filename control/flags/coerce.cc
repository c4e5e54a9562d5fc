#include "control/flags/coerce.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "control/flags/canonical_json.h"

namespace flagmesh::flags {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a decimal number without sign at the front of `text` says, and how much of the text it is
// (0: none).
struct Prefix {
  double value = kNaN;
  size_t length = 0;
};

size_t count_digits(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

Prefix unsigned_decimal(std::string_view text) {
  if (text.starts_with("Infinity")) return {kInfinity, 8};
  const size_t whole = count_digits(text, 0);
  size_t length = whole;
  if (length < text.size() && text[length] == '.') {
    const size_t fraction = count_digits(text, length + 1);
    if (whole == 0 && fraction == 0) return {};
    length += 1 + fraction;
  }
  if (length == 0) return {};
  if (length < text.size() && (text[length] == 'e' || text[length] == 'E')) {
    const size_t sign =
        length + 1 < text.size() && (text[length + 1] == '+' || text[length + 1] == '-') ? 1 : 0;
    const size_t exponent = count_digits(text, length + 1 + sign);
    if (exponent != 0) length += 1 + sign + exponent;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  if (error == std::errc::result_out_of_range)
    value = std::strtod(std::string(text.substr(0, length)).c_str(), nullptr);
  return {value, length};
}

Prefix signed_decimal(std::string_view text) {
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  Prefix prefix = unsigned_decimal(text.substr(has_sign ? 1 : 0));
  if (prefix.length == 0) return {};
  return {text.starts_with('-') ? -prefix.value : prefix.value, prefix.length + (has_sign ? 1 : 0)};
}

constexpr std::string_view kSpace = " \t\n\v\f\r";

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<int> radix_of(std::string_view text) {
  if (text.size() < 3 || text[0] != '0') return std::nullopt;
  switch (text[1]) {
    case 'x':
    case 'X':
      return 16;
    case 'o':
    case 'O':
      return 8;
    case 'b':
    case 'B':
      return 2;
    default:
      return std::nullopt;
  }
}

double radix_number(std::string_view digits, int radix) {
  double value = 0;
  for (const char c : digits) {
    int digit = 99;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit >= radix) return kNaN;
    value = value * radix + digit;
  }
  return value;
}

double text_to_number(std::string_view text) {
  text = trim(text);
  if (text.empty()) return 0;
  if (const auto radix = radix_of(text)) return radix_number(text.substr(2), *radix);
  const Prefix prefix = signed_decimal(text);
  return prefix.length == text.size() ? prefix.value : kNaN;
}

std::string_view copy(std::string_view text, Arena& arena) noexcept {
  char* const bytes = arena.allocate<char>(text.size() + 1);
  if (bytes == nullptr) return {};
  text.copy(bytes, text.size());
  return {bytes, text.size()};
}

std::string_view join(const Value& list, Arena& arena) noexcept {
  std::string joined;
  for (size_t i = 0; i < list.size(); ++i) {
    if (i != 0) joined += ',';
    const Value item = list.at(i);
    if (item.is_null()) continue;
    const std::string_view text = to_text(item, arena);
    if (arena.full() || joined.size() > Arena::kMaxBytes) break;  // the copy below then fails
    joined += text;
  }
  return copy(joined, arena);
}

// A list or object as JavaScript compares it with something primitive.
Value primitive(const Value& value, Arena& arena) noexcept {
  return value.is_list() || value.is_object() ? Value(to_text(value, arena)) : value;
}

template <class Compare>
bool ordered(const Value& left, const Value& right, Arena& arena, Compare compare) noexcept {
  const Value a = primitive(left, arena);
  const Value b = primitive(right, arena);
  if (a.is_string() && b.is_string()) return compare(a.text(), b.text());
  return compare(to_number(a, arena), to_number(b, arena));
}

}  // namespace

bool truthy(const Value& value) noexcept {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return false;
    case Value::Kind::kBool:
      return value.boolean();
    case Value::Kind::kNumber:
      return value.number() != 0 && !std::isnan(value.number());
    case Value::Kind::kString:
      return !value.text().empty();
    case Value::Kind::kList:
    case Value::Kind::kJsonArray:
      return value.size() != 0;
    case Value::Kind::kObject:
      return true;
  }
  return false;
}

double to_number(const Value& value, Arena& arena) noexcept {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return 0;
    case Value::Kind::kBool:
      return value.boolean() ? 1 : 0;
    case Value::Kind::kNumber:
      return value.number();
    case Value::Kind::kString:
      return text_to_number(value.text());
    default:
      return text_to_number(to_text(value, arena));
  }
}

double parse_float(const Value& value, Arena& arena) noexcept {
  if (value.is_number()) return value.number();
  std::string_view text = to_text(value, arena);
  const size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? kNaN : signed_decimal(text.substr(first)).value;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return ecmascript_number(value);
}

std::string_view to_text(const Value& value, Arena& arena) noexcept {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBool:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return copy(number_text(value.number()), arena);
    case Value::Kind::kString:
      return value.text();
    case Value::Kind::kObject:
      return "[object Object]";
    default:
      return join(value, arena);
  }
}

bool strict_equal(const Value& a, const Value& b) noexcept {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kBool:
      return a.boolean() == b.boolean();
    case Value::Kind::kNumber:
      return a.number() == b.number();
    case Value::Kind::kString:
      return a.text() == b.text();
    default:
      return a.same_as(b);
  }
}

bool loose_equal(const Value& a, const Value& b, Arena& arena) noexcept {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  const bool a_is_compound = a.is_list() || a.is_object();
  const bool b_is_compound = b.is_list() || b.is_object();
  if (a_is_compound && b_is_compound) return a.same_as(b);
  const Value left = primitive(a, arena);
  const Value right = primitive(b, arena);
  if (left.is_string() && right.is_string()) return left.text() == right.text();
  return to_number(left, arena) == to_number(right, arena);
}

bool less(const Value& a, const Value& b, Arena& arena) noexcept {
  return ordered(a, b, arena, [](const auto& x, const auto& y) { return x < y; });
}

bool less_equal(const Value& a, const Value& b, Arena& arena) noexcept {
  return ordered(a, b, arena, [](const auto& x, const auto& y) { return x <= y; });
}

}  // namespace flagmesh::flags
