// + - * / % min max
#include <cmath>
#include <limits>

#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"

namespace flagmesh::flags {

Value Interpreter::calculate(Op op, const Operands& operands) noexcept {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  switch (op) {
    case Op::kAdd: {
      double sum = 0;
      for (uint32_t i = 0; i < operands.size(); ++i) sum += parse_float(operands[i], arena_);
      return Value(sum);
    }
    case Op::kMultiply:
      return multiply(operands);
    case Op::kMin:
    case Op::kMax:
      return Value(extreme(op, operands));
    default:
      break;
  }
  if (op == Op::kSubtract && operands.size() == 1) return Value(-to_number(operands[0], arena_));
  if (operands.size() < 2) return Value(kNaN);
  const double a = to_number(operands[0], arena_);
  const double b = to_number(operands[1], arena_);
  if (op == Op::kSubtract) return Value(a - b);
  return Value(op == Op::kDivide ? a / b : std::fmod(a, b));
}

// One operand is handed back as it is; none is an error: the reference folds without a start.
Value Interpreter::multiply(const Operands& operands) noexcept {
  if (operands.size() == 0) return fail(ErrorCode::kParseError);
  const Value first = operands[0];
  if (operands.size() == 1) return first;
  double product = parse_float(first, arena_);
  for (uint32_t i = 1; i < operands.size(); ++i) product *= parse_float(operands[i], arena_);
  return Value(product);
}

double Interpreter::extreme(Op op, const Operands& operands) noexcept {
  const double sign = op == Op::kMax ? 1 : -1;
  double best = -std::numeric_limits<double>::infinity();
  for (uint32_t i = 0; i < operands.size(); ++i) {
    const double number = sign * to_number(operands[i], arena_);
    if (std::isnan(number)) return number;
    if (number > best) best = number;
  }
  return sign * best;
}

}  // namespace flagmesh::flags
