// == != === !== < <= > >=
#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"

namespace flagmesh::flags {

Value Interpreter::compare(Op op, const Operands& operands) noexcept {
  const Value a = operands[0];
  switch (op) {
    case Op::kEqual:
      return Value(loose_equal(a, operands[1], arena_));
    case Op::kNotEqual:
      return Value(!loose_equal(a, operands[1], arena_));
    case Op::kStrictEqual:
    case Op::kStrictNotEqual: {
      // An operand that is not there equals null loosely, but strictly only another one that is not
      // there.
      const bool equal = operands.size() == 1 ? false : strict_equal(a, operands[1]);
      return Value(equal == (op == Op::kStrictEqual));
    }
    default:
      return ordered(op, operands);
  }
}

// Two operands, or three of which the middle one must lie between the others.
Value Interpreter::ordered(Op op, const Operands& operands) noexcept {
  if (operands.size() < 2) return Value(false);
  const Value a = operands[0];
  const Value b = operands[1];
  if (!in_order(op, a, b)) return Value(false);
  return Value(operands.size() < 3 || in_order(op, b, operands[2]));
}

bool Interpreter::in_order(Op op, const Value& a, const Value& b) noexcept {
  switch (op) {
    case Op::kLess:
      return less(a, b, arena_);
    case Op::kLessEqual:
      return less_equal(a, b, arena_);
    case Op::kGreater:
      return less(b, a, arena_);
    default:
      return less_equal(b, a, arena_);
  }
}

}  // namespace flagmesh::flags
