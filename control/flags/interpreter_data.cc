// `var`, `missing`, `missing_some`, `merge`: what targeting knows.
#include <charconv>

#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"

namespace flagmesh::flags {

namespace {

// The value at a dotted path below `value`; nothing when there is none.
std::optional<Value> walk(Value value, std::string_view path) noexcept {
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    if (value.is_object()) {
      const JsonValue* member = value.object().find(name);
      if (member == nullptr) return std::nullopt;
      value = Value::from(*member);
    } else if (value.is_list()) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
      if (error != std::errc() || end != name.data() + name.size() || index >= value.size())
        return std::nullopt;
      value = value.at(index);
    } else {
      return std::nullopt;
    }
    if (dot == path.npos) return value;
    path = path.substr(dot + 1);
  }
}

std::optional<Value> found(const ContextValue& value) {
  if (value.kind() == ContextValue::Kind::kAbsent) return std::nullopt;
  return Value::from(value);
}

}  // namespace

Value Interpreter::data(const Operation& operation, const Operands& operands) noexcept {
  switch (operation.op) {
    case Op::kVar: {
      const auto value = found(context_.lookup(program_.paths[operation.data]));
      return value ? *value : operands[0];
    }
    case Op::kTargetingKey: {
      const auto key = context_.targeting_key();
      return key ? Value(*key) : operands[0];
    }
    case Op::kScopeVar: {
      const auto value = find(program_.constants[operation.data].text(), operands.scope);
      return value ? *value : operands[0];
    }
    case Op::kComputedVar: {
      const Value path = operands[0];
      const std::string_view text = path.is_null() ? std::string_view() : to_text(path, arena_);
      if (text.empty()) return whole(operands.scope);
      const auto value = find(text, operands.scope);
      return value ? *value : operands[1];
    }
    case Op::kWhole:
      return whole(operands.scope);
    case Op::kFlagKey:
      return Value(program_.flag_key);
    case Op::kTimestamp:
      return Value(static_cast<double>(context_.unix_seconds()));
    case Op::kMissing:
      return missing(operands);
    case Op::kMissingSome:
      return missing_some(operands);
    case Op::kMerge:
      return merge(operands);
    default:
      return list(operands);
  }
}

Value Interpreter::whole(const Scope* scope) noexcept {
  if (scope == nullptr) return Value::from(context_.lookup(ContextPath{}));
  // A reduction's two values are never asked for as one by anything that targeting can do with
  // them.
  return scope->is_reduction ? Value() : scope->current;
}

std::optional<Value> Interpreter::find(std::string_view path, const Scope* scope) noexcept {
  if (scope == nullptr) return find_in_context(path);
  if (!scope->is_reduction) return walk(scope->current, path);
  const size_t dot = path.find('.');
  const std::string_view name = path.substr(0, dot);
  if (name != "current" && name != "accumulator") return std::nullopt;
  const Value& value = name == "current" ? scope->current : scope->accumulator;
  return dot == path.npos ? std::optional(value) : walk(value, path.substr(dot + 1));
}

std::optional<Value> Interpreter::find_in_context(std::string_view path) noexcept {
  if (path == "targetingKey") {
    const auto key = context_.targeting_key();
    return key ? std::optional(Value(*key)) : std::nullopt;
  }
  if (path == "$flagd.flagKey") return Value(program_.flag_key);
  if (path == "$flagd.timestamp") return Value(static_cast<double>(context_.unix_seconds()));
  if (path == "$flagd" || path.starts_with("$flagd.")) return std::nullopt;
  return found(context_.lookup(ContextPath::of(path)));
}

Value Interpreter::missing(const Operands& operands) noexcept {
  const Value first = operands[0];
  if (first.is_list()) return missing_keys(first, operands.scope);
  return missing_keys(list(operands), operands.scope);
}

Value Interpreter::missing_keys(const Value& keys, const Scope* scope) noexcept {
  if (!keys.is_list()) return Value();
  Value* const absent = arena_.allocate<Value>(keys.size());
  if (absent == nullptr) return Value();
  size_t count = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (++steps_ > kMaxSteps) return fail(ErrorCode::kGeneral);
    const Value key = keys.at(i);
    const auto value = find(to_text(key, arena_), scope);
    // The empty text is there: flagd and its SDKs agree on that, against the reference.
    if (!value || value->is_null()) new (&absent[count++]) Value(key);
  }
  return Value(std::span<const Value>(absent, count));
}

Value Interpreter::missing_some(const Operands& operands) noexcept {
  const Value needed = operands[0];
  const Value keys = operands[1];
  if (!keys.is_list()) return Value(std::span<const Value>());
  const Value absent = missing_keys(keys, operands.scope);
  if (!absent.is_list()) return Value();
  const auto present = static_cast<double>(keys.size() - absent.size());
  return present >= to_number(needed, arena_) ? Value(std::span<const Value>()) : absent;
}

Value Interpreter::merge(const Operands& operands) noexcept {
  const Value parts = list(operands);
  if (!parts.is_list()) return Value();
  size_t count = 0;
  for (size_t i = 0; i < parts.size(); ++i) count += parts.at(i).is_list() ? parts.at(i).size() : 1;
  Value* const merged = arena_.allocate<Value>(count);
  if (merged == nullptr) return Value();
  Value* next = merged;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Value part = parts.at(i);
    if (!part.is_list()) new (next++) Value(part);
    for (size_t j = 0; part.is_list() && j < part.size(); ++j) new (next++) Value(part.at(j));
  }
  return Value(std::span<const Value>(merged, count));
}

}  // namespace flagmesh::flags
