// cat, substr, in, starts_with, ends_with, sem_ver
#include <algorithm>
#include <cmath>

#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"
#include "control/flags/sem_ver.h"
#include "control/flags/utf8.h"

namespace flagmesh::flags {

namespace {

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Offset of the code point number `n`, at most the end.
size_t offset_of(std::string_view text, size_t n) {
  size_t at = 0;
  while (n-- > 0 && at < text.size()) next_code_point(text, at);
  return at;
}

// A number as a position from 0 to `size`; a negative one counts from the end.
size_t position(double number, size_t size) {
  const auto limit = static_cast<double>(size);
  if (std::isnan(number)) return 0;
  const double whole = std::trunc(number);
  return static_cast<size_t>(std::clamp(whole < 0 ? limit + whole : whole, 0.0, limit));
}

}  // namespace

Value Interpreter::text_operation(Op op, const Operands& operands) noexcept {
  switch (op) {
    case Op::kCat:
      return cat(operands);
    case Op::kSubstr:
      return substr(operands);
    case Op::kIn:
      return in(operands);
    case Op::kSemVer:
      return compare_versions(operands);
    default:
      return starts_or_ends(op, operands);
  }
}

Value Interpreter::cat(const Operands& operands) noexcept {
  std::string_view joined;
  for (uint32_t i = 0; i < operands.size(); ++i) {
    const Value part = operands[i];
    const std::string_view text = part.is_null() ? std::string_view() : to_text(part, arena_);
    if (text.empty()) continue;
    if (joined.empty()) {
      joined = text;
      continue;
    }
    char* const bytes = arena_.allocate<char>(joined.size() + text.size());
    if (bytes == nullptr) return Value();
    joined.copy(bytes, joined.size());
    text.copy(bytes + joined.size(), text.size());
    joined = std::string_view(bytes, joined.size() + text.size());
  }
  return Value(joined);
}

// substr(text, start, length): a negative start counts from the end, a negative length leaves out
// that many at the end.
Value Interpreter::substr(const Operands& operands) noexcept {
  if (operands.size() == 0) return Value(std::string_view("undefined"));
  const std::string_view text = to_text(operands[0], arena_);
  const size_t size = count_code_points(text);
  const size_t start = position(operands.size() < 2 ? 0 : to_number(operands[1], arena_), size);
  const size_t rest = size - start;
  size_t length = rest;
  if (operands.size() > 2) {
    const double wanted = to_number(operands[2], arena_);
    length = wanted < 0 ? position(wanted, rest) : std::min(position(wanted, rest), rest);
  }
  const std::string_view tail = text.substr(offset_of(text, start));
  return Value(tail.substr(0, offset_of(tail, length)));
}

Value Interpreter::in(const Operands& operands) noexcept {
  const Value item = operands[0];
  const Value where = operands[1];
  if (where.is_string()) {
    return Value(!where.text().empty() &&
                 where.text().find(to_text(item, arena_)) != std::string_view::npos);
  }
  if (!where.is_list()) return Value(false);
  for (size_t i = 0; i < where.size(); ++i) {
    if (strict_equal(item, where.at(i))) return Value(true);
  }
  return Value(false);
}

// Null, not false, when something else than two texts is compared: the default variant is then
// served.
Value Interpreter::starts_or_ends(Op op, const Operands& operands) noexcept {
  if (operands.size() != 2) return Value();
  const Value text = operands[0];
  const Value part = operands[1];
  if (!text.is_string() || !part.is_string()) return Value();
  return Value(op == Op::kStartsWith ? text.text().starts_with(part.text())
                                     : text.text().ends_with(part.text()));
}

Value Interpreter::compare_versions(const Operands& operands) noexcept {
  if (operands.size() != 3) return Value();
  const Value left = operands[0];
  const Value operation = operands[1];
  const Value right = operands[2];
  const auto is_version = [](const Value& value) { return value.is_string() || value.is_number(); };
  if (!is_version(left) || !operation.is_string() || !is_version(right)) return Value();
  const auto result = sem_ver(to_text(left, arena_), operation.text(), to_text(right, arena_));
  return result ? Value(*result) : Value();
}

}  // namespace flagmesh::flags
