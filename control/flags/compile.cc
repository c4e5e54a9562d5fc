#include <optional>

#include "control/flags/fractional.h"
#include "control/flags/program.h"
#include "control/flags/report.h"

namespace flagmesh::flags {

namespace {

struct Refusal {
  Mark mark;
  std::string message;
};
using Index = std::expected<uint32_t, Refusal>;

class Compiler {
 public:
  explicit Compiler(Program& program) : program_(program) {}

  Index compile(const JsonValue& logic) {
    if (logic.is_array()) return list(logic);
    if (!logic.is_object()) return constant(logic);
    if (logic.object().size() != 1)
      return refuse(logic, "a map of several keys is not an operation");
    const JsonMember& operation = logic.object().front();
    if (operation.name == "var") return var(operation.value);
    if (operation.name == "cat") return with_operands(Op::kCat, operation.value);
    if (operation.name == "fractional") return fractional(operation.value);
    return std::unexpected(
        Refusal{operation.mark, "operation '" + operation.name + "' is not supported"});
  }

 private:
  static std::unexpected<Refusal> refuse(const JsonValue& at, std::string message) {
    return std::unexpected(Refusal{at.mark(), std::move(message)});
  }

  uint32_t emit(Operation operation) {
    program_.operations.push_back(operation);
    return static_cast<uint32_t>(program_.operations.size() - 1);
  }

  uint32_t constant(const JsonValue& value) {
    program_.constants.push_back(value);
    return emit(
        {.op = Op::kConstant, .data = static_cast<uint32_t>(program_.constants.size() - 1)});
  }

  Index list(const JsonValue& value) { return with_operands(Op::kList, value); }

  // An operation whose operands are the items of a list, or one value that is no list.
  Index with_operands(Op op, const JsonValue& value, uint32_t data = 0) {
    std::vector<uint32_t> operands;
    const size_t count = value.is_array() ? value.array().size() : 1;
    for (size_t i = 0; i < count; ++i) {
      const Index operand = compile(value.is_array() ? value.array()[i] : value);
      if (!operand) return operand;
      operands.push_back(*operand);
    }
    const auto first = static_cast<uint32_t>(program_.operands.size());
    program_.operands.insert(program_.operands.end(), operands.begin(), operands.end());
    return emit({.op = op, .data = data, .first = first, .count = static_cast<uint32_t>(count)});
  }

  Index var(const JsonValue& operand) {
    const JsonValue& name =
        operand.is_array() && operand.array().size() == 1 ? operand.array().front() : operand;
    if (!name.is_string())
      return refuse(operand, "'var' with anything but one path is not supported");
    const std::string& path = name.string();
    if (path == "targetingKey") {
      program_.needs_targeting_key = true;
      return emit({.op = Op::kTargetingKey});
    }
    if (path == "$flagd.flagKey") return emit({.op = Op::kFlagKey});
    if (path == "$flagd.timestamp") {
      program_.needs_time = true;
      return emit({.op = Op::kTimestamp});
    }
    for (uint32_t i = 0; i < program_.paths.size(); ++i) {
      if (program_.paths[i].text == path) return emit({.op = Op::kVar, .data = i});
    }
    program_.paths.push_back(ContextPath::of(path));
    return emit({.op = Op::kVar, .data = static_cast<uint32_t>(program_.paths.size() - 1)});
  }

  Index fractional(const JsonValue& operand) {
    if (!operand.is_array()) return refuse(operand, "'fractional' without a list is not supported");
    program_.needs_targeting_key = true;
    std::optional<Split> split = constant_split(operand.array());
    if (!split) return with_operands(Op::kFractional, operand);
    program_.splits.push_back(std::move(*split));
    return with_operands(Op::kSplit, operand, static_cast<uint32_t>(program_.splits.size() - 1));
  }

  // The split that these operands always are; nothing when an entry is computed or wrong.
  std::optional<Split> constant_split(const JsonValue::Array& operands) {
    Split split;
    split.has_source = !operands.empty() && !operands.front().is_array();
    uint64_t total = 0;
    for (size_t i = split.has_source ? 1 : 0; i < operands.size(); ++i) {
      const std::optional<uint32_t> weight = entry_weight(Value::from(operands[i]));
      if (!weight || total + *weight > uint64_t{kMaxTotalWeight}) return std::nullopt;
      for (const JsonValue& part : operands[i].array()) {
        if (part.is_object() || part.is_array()) return std::nullopt;
      }
      total += *weight;
      program_.constants.push_back(operands[i].array().front());
      split.entries.push_back(
          {static_cast<uint32_t>(total), static_cast<uint32_t>(program_.constants.size() - 1)});
    }
    split.total = static_cast<uint32_t>(total);
    return split;
  }

  Program& program_;
};

}  // namespace

std::expected<std::unique_ptr<const Program>, Diagnostic> Program::compile(
    const JsonValue& targeting, std::string_view flag_key) {
  auto program = std::make_unique<Program>();
  program->flag_key = flag_key;
  program->seed.update(flag_key);
  const Index root = Compiler(*program).compile(targeting);
  if (!root) return std::unexpected(error_at({}, root.error().mark, root.error().message));
  program->root = *root;
  return program;
}

}  // namespace flagmesh::flags
