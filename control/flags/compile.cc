#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "control/flags/coerce.h"
#include "control/flags/fractional.h"
#include "control/flags/model.h"
#include "control/flags/program.h"
#include "control/flags/report.h"

namespace flagmesh::flags {

namespace {

// Operations whose operands are all evaluated where they stand.
constexpr std::pair<std::string_view, Op> kPlain[] = {
    {"missing", Op::kMissing},
    {"missing_some", Op::kMissingSome},
    {"merge", Op::kMerge},
    {"if", Op::kIf},
    {"?:", Op::kIf},
    {"and", Op::kAnd},
    {"or", Op::kOr},
    {"!", Op::kNot},
    {"!!", Op::kNotNot},
    {"==", Op::kEqual},
    {"!=", Op::kNotEqual},
    {"===", Op::kStrictEqual},
    {"!==", Op::kStrictNotEqual},
    {"<", Op::kLess},
    {"<=", Op::kLessEqual},
    {">", Op::kGreater},
    {">=", Op::kGreaterEqual},
    {"+", Op::kAdd},
    {"-", Op::kSubtract},
    {"*", Op::kMultiply},
    {"/", Op::kDivide},
    {"%", Op::kRemainder},
    {"min", Op::kMin},
    {"max", Op::kMax},
    {"cat", Op::kCat},
    {"substr", Op::kSubstr},
    {"in", Op::kIn},
    {"starts_with", Op::kStartsWith},
    {"ends_with", Op::kEndsWith},
    {"sem_ver", Op::kSemVer},
};

constexpr std::pair<std::string_view, Op> kLoops[] = {
    {"map", Op::kMap},   {"filter", Op::kFilter}, {"all", Op::kAll},
    {"none", Op::kNone}, {"some", Op::kSome},     {"reduce", Op::kReduce},
};

std::optional<Op> find_op(std::span<const std::pair<std::string_view, Op>> table,
                          std::string_view name) {
  const auto found = std::ranges::find(table, name, &std::pair<std::string_view, Op>::first);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

bool is_operation(const JsonValue& value) {
  return value.is_object() && value.object().size() == 1;
}

// Whether evaluating the value is the value: nothing in it is an operation. Maps of none or several
// keys are taken as they are.
bool is_constant(const JsonValue& value) {
  if (value.is_array()) return std::ranges::all_of(value.array(), is_constant);
  return !is_operation(value);
}

struct Refusal {
  Mark mark;
  std::string message;
};
using Index = std::expected<uint32_t, Refusal>;

class Compiler {
 public:
  explicit Compiler(ProgramParts& program) : program_(program) {}

  Index compile(const JsonValue& logic) {
    if (++depth_ > kTargetingDepth) {
      return std::unexpected(
          Refusal{logic.mark(),
                  "targeting nests deeper than " + std::to_string(kTargetingDepth) + " levels"});
    }
    const Index index = compile_value(logic);
    --depth_;
    return index;
  }

 private:
  Index compile_value(const JsonValue& logic) {
    if (is_constant(logic)) return constant(logic);
    if (logic.is_array()) return with_operands(Op::kList, logic);
    const auto& [name, operand, mark] = logic.object().front();
    if (name == "var") return var(operand);
    if (name == "fractional") return fractional(operand);
    if (const auto op = find_op(kPlain, name)) {
      if (*op == Op::kMissing || *op == Op::kMissingSome) note_missing(operand);
      return with_operands(*op, operand);
    }
    if (const auto op = find_op(kLoops, name)) return loop(*op, operand);
    return emit({.op = Op::kUnknown});
  }

  uint32_t emit(Operation operation) {
    program_.operations.push_back(operation);
    return static_cast<uint32_t>(program_.operations.size() - 1);
  }

  uint32_t add_constant(const JsonValue& value) {
    program_.constants.push_back(value);
    return static_cast<uint32_t>(program_.constants.size() - 1);
  }

  uint32_t constant(const JsonValue& value) {
    return emit({.op = Op::kConstant, .data = add_constant(value)});
  }

  uint32_t emit_with(Op op, uint32_t data, const std::vector<uint32_t>& operands) {
    const auto first = static_cast<uint32_t>(program_.operands.size());
    program_.operands.insert(program_.operands.end(), operands.begin(), operands.end());
    return emit(
        {.op = op, .data = data, .first = first, .count = static_cast<uint32_t>(operands.size())});
  }

  // The operands are the items of a list, or one value that is no list.
  Index with_operands(Op op, const JsonValue& value, uint32_t data = 0) {
    std::vector<uint32_t> operands;
    const size_t count = value.is_array() ? value.array().size() : 1;
    for (size_t i = 0; i < count; ++i) {
      const Index operand = compile(value.is_array() ? value.array()[i] : value);
      if (!operand) return operand;
      operands.push_back(*operand);
    }
    return emit_with(op, data, operands);
  }

  Index loop(Op op, const JsonValue& value) {
    std::vector<uint32_t> operands;
    const size_t count = value.is_array() ? std::min<size_t>(value.array().size(), 3) : 1;
    for (size_t i = 0; i < count; ++i) {
      const bool outer = in_loop_;
      if (i == 1) in_loop_ = true;
      const Index operand = compile(value.is_array() ? value.array()[i] : value);
      in_loop_ = outer;
      if (!operand) return operand;
      operands.push_back(*operand);
    }
    return emit_with(op, 0, operands);
  }

  Index var(const JsonValue& operand) {
    static const JsonValue kNone;
    const bool is_list = operand.is_array();
    const JsonValue& name = !is_list                  ? operand
                            : operand.array().empty() ? kNone
                                                      : operand.array().front();
    std::vector<uint32_t> operands;
    const bool is_computed = !is_constant(name) || name.is_array() || name.is_object();
    if (is_computed) {
      const Index path = compile(name);
      if (!path) return path;
      operands.push_back(*path);
    }
    if (is_list && operand.array().size() > 1) {
      const Index fallback = compile(operand.array()[1]);
      if (!fallback) return fallback;
      operands.push_back(*fallback);
    }
    if (is_computed) {
      note_any_path();
      return emit_with(Op::kComputedVar, 0, operands);
    }
    Arena arena;
    return path_var(name.is_null() ? std::string_view() : to_text(Value::from(name), arena),
                    operands);
  }

  uint32_t path_var(std::string_view path, const std::vector<uint32_t>& fallback) {
    if (path.empty()) {
      if (!in_loop_) program_.needs_any_path = true;
      return emit({.op = Op::kWhole});
    }
    if (in_loop_) return emit_with(Op::kScopeVar, add_constant(path), fallback);
    if (path == "targetingKey") {
      program_.needs_targeting_key = true;
      return emit_with(Op::kTargetingKey, 0, fallback);
    }
    if (path == "$flagd.flagKey") return emit({.op = Op::kFlagKey});
    if (path == "$flagd.timestamp") {
      program_.needs_time = true;
      return emit({.op = Op::kTimestamp});
    }
    // Whatever else a context calls $flagd is hidden by these two.
    if (path == "$flagd" || path.starts_with("$flagd.")) {
      return fallback.empty() ? constant(JsonValue()) : fallback.front();
    }
    return emit_with(Op::kVar, note_path(path), fallback);
  }

  uint32_t note_path(std::string_view path) {
    const auto found = std::ranges::find(program_.paths, path);
    if (found == program_.paths.end()) {
      program_.paths.emplace_back(path);
      return static_cast<uint32_t>(program_.paths.size() - 1);
    }
    return static_cast<uint32_t>(found - program_.paths.begin());
  }

  void note_any_path() {
    if (in_loop_) return;
    program_.needs_any_path = true;
    program_.needs_targeting_key = true;
    program_.needs_time = true;
  }

  // The paths that `missing` asks for, when they are texts; any path otherwise.
  void note_missing(const JsonValue& operand) {
    if (in_loop_ || operand.is_number()) return;
    if (operand.is_array()) {
      for (const JsonValue& item : operand.array()) note_missing(item);
    } else if (operand.is_string() && operand.string() != "targetingKey" &&
               !operand.string().starts_with("$flagd")) {
      note_path(operand.string());
    } else {
      note_any_path();
    }
  }

  Index fractional(const JsonValue& operand) {
    if (!in_loop_) program_.needs_targeting_key = true;
    if (operand.is_array() && !in_loop_) {
      if (std::optional<Split> split = constant_split(operand.array())) {
        const bool has_source = split->has_source;
        program_.splits.push_back(*split);
        const auto index = static_cast<uint32_t>(program_.splits.size() - 1);
        // The entries are needed as operands only where a source may turn out to be one
        // (interpreter_split.cc).
        return has_source ? with_operands(Op::kSplit, operand, index)
                          : Index(emit({.op = Op::kSplit, .data = index}));
      }
    }
    return with_operands(Op::kFractional, operand);
  }

  // The split that these operands always are; nothing when an entry is computed or wrong.
  std::optional<Split> constant_split(const JsonValue::Array& operands) {
    Split split;
    std::vector<SplitEntry> entries;
    split.has_source = !operands.empty() && !operands.front().is_array();
    uint64_t total = 0;
    for (size_t i = split.has_source ? 1 : 0; i < operands.size(); ++i) {
      if (!is_constant(operands[i])) return std::nullopt;
      const std::optional<uint32_t> weight = entry_weight(Value::from(operands[i]));
      if (!weight || total + *weight > uint64_t{kMaxTotalWeight}) return std::nullopt;
      total += *weight;
      entries.push_back({static_cast<uint32_t>(total), 0});
    }
    split.first = static_cast<uint32_t>(program_.split_entries.size());
    split.count = static_cast<uint32_t>(entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      const JsonValue& entry = operands[i + (split.has_source ? 1 : 0)];
      entries[i].constant = add_constant(entry.array().front());
    }
    program_.split_entries.insert(program_.split_entries.end(), entries.begin(), entries.end());
    split.total = static_cast<uint32_t>(total);
    return split;
  }

  ProgramParts& program_;
  size_t depth_ = 0;
  bool in_loop_ = false;  // `var` is relative to an element
};

}  // namespace

std::expected<std::unique_ptr<const Program>, Diagnostic> Program::compile(
    const JsonValue& targeting, std::string_view flag_key) {
  ProgramParts parts;
  const Index root = Compiler(parts).compile(targeting);
  if (!root) return std::unexpected(error_at({}, root.error().mark, root.error().message));
  parts.root = *root;
  return std::move(parts).pack(flag_key);
}

}  // namespace flagmesh::flags
