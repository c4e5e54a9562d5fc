#include "control/flags/interpreter.h"

#include "control/flags/coerce.h"

namespace flagmesh::flags {

Value Interpreter::evaluate(uint32_t index, const Scope* scope) noexcept {
  // Once it has failed nothing matters; loops then end soon.
  if (++steps_ > kMaxSteps || error_ != ErrorCode::kNone) return fail(ErrorCode::kGeneral);
  const Operation& operation = program_.operations[index];
  const Operands operands{*this, operation, scope};
  const Op op = operation.op;
  if (op == Op::kConstant) return program_.constants[operation.data];
  if (op == Op::kSplit) return split(operation, operands);
  if (op <= Op::kMerge) return data(operation, operands);
  if (op <= Op::kNotNot) return decide(op, operands);
  if (op <= Op::kGreaterEqual) return compare(op, operands);
  if (op <= Op::kMax) return calculate(op, operands);
  if (op <= Op::kSemVer) return text_operation(op, operands);
  if (op <= Op::kReduce) return loop(op, operands);
  if (op == Op::kFractional) return fractional(operands);
  return fail(ErrorCode::kParseError);
}

Value Interpreter::decide(Op op, const Operands& operands) noexcept {
  switch (op) {
    case Op::kIf:
      return conditional(operands);
    case Op::kNot:
      return Value(!truthy(operands[0]));
    case Op::kNotNot:
      return Value(truthy(operands[0]));
    default:
      break;
  }
  // `and` ends at the first operand that is not true, `or` at the first that is; the last one
  // decides otherwise.
  Value value;
  for (uint32_t i = 0; i < operands.size(); ++i) {
    value = operands[i];
    if (truthy(value) == (op == Op::kOr)) break;
  }
  return value;
}

Value Interpreter::conditional(const Operands& operands) noexcept {
  // Asked before the conditions are evaluated: they may have `if`s of their own.
  const bool traced = trace_ != nullptr && &operands.operation == &program_.operations[result_from_];
  uint32_t i = 0;
  for (; i + 1 < operands.size(); i += 2) {
    if (!truthy(operands[i])) continue;
    ++i;
    break;
  }
  if (traced && i < operands.size()) {
    result_from_ = program_.operands[operands.operation.first + i];
    if (trace_->rule_count < BucketTrace::kRules) trace_->rules[trace_->rule_count++] = static_cast<uint16_t>(i);
  }
  return operands[i];
}

Value Interpreter::list(const Operands& operands) noexcept {
  Value* const items = arena_.allocate<Value>(operands.size());
  if (items == nullptr) return Value();
  for (uint32_t i = 0; i < operands.size(); ++i) new (&items[i]) Value(operands[i]);
  return Value(std::span<const Value>(items, operands.size()));
}

}  // namespace flagmesh::flags
