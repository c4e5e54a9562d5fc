#include "control/flags/yaml_scalar.h"

#include <algorithm>
#include <array>

#include "control/flags/number.h"

namespace flagmesh::flags {

namespace {

template <size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};
constexpr std::array<std::string_view, 6> kNotFinite = {".inf", ".Inf", ".INF",
                                                        ".nan", ".NaN", ".NAN"};

size_t digits(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return end - at;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_decimal(std::string_view text) {
  size_t at = 0;
  const auto sign = [&] { at += at < text.size() && (text[at] == '-' || text[at] == '+') ? 1 : 0; };
  sign();
  const size_t whole = digits(text, at);
  at += whole;
  size_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    fraction = digits(text, at + 1);
    if (whole == 0 && fraction == 0) return false;
    at += 1 + fraction;
  }
  if (whole == 0 && fraction == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    sign();
    const size_t exponent = digits(text, at);
    if (exponent == 0) return false;
    at += exponent;
  }
  return at == text.size();
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

// 0o[0-7]+ and 0x[0-9a-fA-F]+; without a sign, as the schema has it.
bool is_prefixed(std::string_view text, char prefix, int base) {
  if (text.size() < 3 || text[0] != '0' || text[1] != prefix) return false;
  return std::ranges::all_of(text.substr(2), [&](char c) { return digit_value(c) < base; });
}

std::expected<JsonValue, std::string> prefixed_number(std::string_view text, int base, Mark mark) {
  double value = 0;
  for (const char c : text.substr(2)) value = value * base + digit_value(c);
  const auto number = integer_number(value);
  if (!number) return std::unexpected(number.error());
  return JsonValue(*number, mark);
}

}  // namespace

std::expected<JsonValue, std::string> resolve_plain_scalar(std::string_view text, Mark mark) {
  if (one_of(text, kNull)) return JsonValue::null_at(mark);
  if (one_of(text, kTrue)) return JsonValue(true, mark);
  if (one_of(text, kFalse)) return JsonValue(false, mark);
  if (is_prefixed(text, 'o', 8)) return prefixed_number(text, 8, mark);
  if (is_prefixed(text, 'x', 16)) return prefixed_number(text, 16, mark);
  if (is_decimal(text)) {
    const auto number = decimal_number(text);
    if (!number) return std::unexpected(number.error());
    return JsonValue(*number, mark);
  }
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  if (one_of(text.substr(has_sign ? 1 : 0), kNotFinite)) {
    return std::unexpected("'" + std::string(text) + "' is not a number that JSON has");
  }
  return JsonValue(std::string(text), mark);
}

std::expected<JsonValue, std::string> resolve_tagged_scalar(std::string_view tag,
                                                            std::string_view text, Mark mark) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag == "!" || tag == "tag:yaml.org,2002:str") return JsonValue(std::string(text), mark);
  if (tag == "?") return resolve_plain_scalar(text, mark);
  const std::string_view name =
      tag.starts_with(kCore) ? tag.substr(kCore.size()) : std::string_view();
  const auto wanted = name == "null"                     ? JsonValue::Type::kNull
                      : name == "bool"                   ? JsonValue::Type::kBool
                      : name == "int" || name == "float" ? JsonValue::Type::kNumber
                                                         : JsonValue::Type::kObject;
  if (wanted == JsonValue::Type::kObject)
    return std::unexpected("unknown tag '" + std::string(tag) + "'");
  auto value = resolve_plain_scalar(text, mark);
  if (!value) return value;
  if (value->type() != wanted || (name == "int" && !value->integer())) {
    return std::unexpected("'" + std::string(text) + "' is no " + std::string(name));
  }
  return value;
}

}  // namespace flagmesh::flags
