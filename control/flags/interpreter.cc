#include "control/flags/interpreter.h"

#include <algorithm>
#include <cstring>

#include "control/flags/canonical_json.h"
#include "control/flags/fractional.h"

namespace flagmesh::flags {

Value Interpreter::evaluate(uint32_t index) noexcept {
  if (++steps_ > kMaxSteps) {
    fail(ErrorCode::kGeneral);
    return Value();
  }
  const Operation& operation = program_.operations[index];
  switch (operation.op) {
    case Op::kConstant:
      return Value::from(program_.constants[operation.data]);
    case Op::kVar:
      return Value::from(context_.lookup(program_.paths[operation.data]));
    case Op::kTargetingKey: {
      const auto key = context_.targeting_key();
      return key ? Value(*key) : Value();
    }
    case Op::kFlagKey:
      return Value(std::string_view(program_.flag_key));
    case Op::kTimestamp:
      return Value(static_cast<double>(context_.unix_seconds()));
    case Op::kList:
      return list(operation);
    case Op::kCat:
      return cat(operation);
    case Op::kFractional:
      return fractional(operation);
    case Op::kSplit:
      return split(operation);
  }
  return Value();
}

Value Interpreter::list(const Operation& operation) noexcept {
  Value* const items = arena_.allocate<Value>(operation.count);
  if (items == nullptr) {
    fail(ErrorCode::kGeneral);
    return Value();
  }
  for (uint32_t i = 0; i < operation.count; ++i) new (&items[i]) Value(operand(operation, i));
  return Value(std::span<const Value>(items, operation.count));
}

Value Interpreter::cat(const Operation& operation) noexcept {
  std::array<char, 32> digits;
  std::string_view joined;
  for (uint32_t i = 0; i < operation.count; ++i) {
    const Value part = operand(operation, i);
    std::string_view text;
    if (part.is_string()) text = part.text();
    if (part.is_number()) {
      const std::string number = ecmascript_number(part.number());
      text = std::string_view(digits.data(), number.copy(digits.data(), digits.size()));
    }
    if (text.empty()) continue;
    char* const bytes = arena_.allocate<char>(joined.size() + text.size());
    if (bytes == nullptr) {
      fail(ErrorCode::kGeneral);
      return Value();
    }
    joined.copy(bytes, joined.size());
    text.copy(bytes + joined.size(), text.size());
    joined = std::string_view(bytes, joined.size() + text.size());
  }
  return Value(joined);
}

bool Interpreter::hash_input(const Value& source, uint32_t& hash) noexcept {
  if (source.is_string()) {
    hash = murmur3(source.text());
    return true;
  }
  const auto key = context_.targeting_key();
  if (!key) return false;
  Murmur3 state = program_.seed;
  state.update(*key);
  hash = state.finish();
  return true;
}

Value Interpreter::split(const Operation& operation) noexcept {
  const Split& split = program_.splits[operation.data];
  Value source;
  if (split.has_source) {
    source = operand(operation, 0);
    if (!source.is_string() && !source.is_null()) return fractional(operation);
  }
  uint32_t hash = 0;
  if (!hash_input(source, hash) || split.total == 0) return Value();
  const uint64_t bucket = bucket_of(hash, split.total);
  if (trace_ != nullptr) *trace_ = {true, hash, bucket, split.total};
  for (const Split::Entry& entry : split.entries) {
    if (bucket < entry.end) return Value::from(program_.constants[entry.constant]);
  }
  return Value();
}

Value Interpreter::fractional(const Operation& operation) noexcept {
  const Value all = list(operation);
  if (!all.is_list() || all.size() == 0) return Value();
  const Value source = all.at(0);
  // A key source that is null counts as not written; anything else but a text is taken for an
  // entry.
  const size_t first = source.is_string() || source.is_null() ? 1 : 0;
  uint32_t hash = 0;
  if (!hash_input(source, hash)) return Value();
  uint64_t total = 0;
  for (size_t i = first; i < all.size(); ++i) {
    const auto weight = entry_weight(all.at(i));
    if (!weight) return Value();
    total += *weight;
  }
  if (total == 0 || total > uint64_t{kMaxTotalWeight}) return Value();
  const uint64_t bucket = bucket_of(hash, total);
  if (trace_ != nullptr) *trace_ = {true, hash, bucket, total};
  uint64_t end = 0;
  for (size_t i = first; i < all.size(); ++i) {
    end += *entry_weight(all.at(i));
    if (bucket < end) return all.at(i).at(0);
  }
  return Value();
}

}  // namespace flagmesh::flags
