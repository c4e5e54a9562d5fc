// map, filter, all, none, some, reduce: operand 1 is evaluated for each element of operand 0.
#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"

namespace flagmesh::flags {

Value Interpreter::loop(Op op, const Operands& operands) noexcept {
  const Value items = operands[0];
  if (op == Op::kMap) return map(items, operands);
  if (op == Op::kFilter) return filter(items, operands);
  if (op == Op::kReduce) return reduce(items, operands);
  const size_t size = items.is_list() ? items.size() : 0;
  if (size == 0) return Value(op == Op::kNone);
  for (size_t i = 0; i < size && error_ == ErrorCode::kNone; ++i) {
    const Scope scope{.current = items.at(i)};
    const bool holds = truthy(Operands{*this, operands.operation, &scope}[1]);
    if (holds != (op == Op::kAll)) return Value(op == Op::kSome);
  }
  return Value(op != Op::kSome);
}

Value Interpreter::map(const Value& items, const Operands& operands) noexcept {
  const size_t size = items.is_list() ? items.size() : 0;
  Value* const results = arena_.allocate<Value>(size);
  if (results == nullptr) return Value();
  for (size_t i = 0; i < size; ++i) {
    const Scope scope{.current = items.at(i)};
    new (&results[i]) Value(Operands{*this, operands.operation, &scope}[1]);
    if (error_ != ErrorCode::kNone) return Value();
  }
  return Value(std::span<const Value>(results, size));
}

Value Interpreter::filter(const Value& items, const Operands& operands) noexcept {
  const size_t size = items.is_list() ? items.size() : 0;
  Value* const kept = arena_.allocate<Value>(size);
  if (kept == nullptr) return Value();
  size_t count = 0;
  for (size_t i = 0; i < size && error_ == ErrorCode::kNone; ++i) {
    const Scope scope{.current = items.at(i)};
    if (truthy(Operands{*this, operands.operation, &scope}[1]))
      new (&kept[count++]) Value(scope.current);
  }
  return Value(std::span<const Value>(kept, count));
}

Value Interpreter::reduce(const Value& items, const Operands& operands) noexcept {
  Value accumulator = operands[2];
  for (size_t i = 0; items.is_list() && i < items.size() && error_ == ErrorCode::kNone; ++i) {
    const Scope scope{.current = items.at(i), .accumulator = accumulator, .is_reduction = true};
    accumulator = Operands{*this, operands.operation, &scope}[1];
  }
  return accumulator;
}

}  // namespace flagmesh::flags
