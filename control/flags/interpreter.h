// Runs a program once, in one context.
#pragma once

#include <optional>

#include "control/flags/arena.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/program.h"
#include "control/flags/value.h"

namespace flagmesh::flags {

// Operations of one evaluation; more end it with kGeneral. A flag at the limits of model.h without
// loops stays below.
inline constexpr uint32_t kMaxSteps = 200'000;

class Interpreter {
 public:
  Interpreter(const Program& program, const EvaluationContext& context, BucketTrace* trace)
      : program_(program), context_(context), trace_(trace), result_from_(program.root) {}

  // Null when the targeting does not decide. Check error() first. The value is valid until this
  // object, the program or the context ends.
  Value run() noexcept { return evaluate(program_.root, nullptr); }
  ErrorCode error() const noexcept {
    return error_ == ErrorCode::kNone && arena_.full() ? ErrorCode::kGeneral : error_;
  }

 private:
  // What `var` sees inside a loop: the element, or a reduction's current element and accumulator.
  struct Scope {
    Value current;
    Value accumulator = Value();
    bool is_reduction = false;
  };
  // Operands of one operation, evaluated one by one as they are asked for; null beyond their
  // number.
  struct Operands {
    Interpreter& interpreter;
    const Operation& operation;
    const Scope* scope;
    uint32_t size() const noexcept { return operation.count; }
    Value operator[](uint32_t i) const noexcept {
      return i < operation.count
                 ? interpreter.evaluate(interpreter.program_.operands[operation.first + i], scope)
                 : Value();
    }
  };

  Value evaluate(uint32_t index, const Scope* scope) noexcept;
  Value decide(Op op, const Operands& operands) noexcept;  // if, and, or, !, !!
  Value conditional(const Operands& operands) noexcept;
  Value list(const Operands& operands) noexcept;

  // interpreter_data.cc
  Value data(const Operation& operation, const Operands& operands) noexcept;
  Value whole(const Scope* scope) noexcept;
  std::optional<Value> find(std::string_view path, const Scope* scope) noexcept;
  std::optional<Value> find_in_context(std::string_view path) noexcept;
  Value missing(const Operands& operands) noexcept;
  Value missing_keys(const Value& keys, const Scope* scope) noexcept;
  Value missing_some(const Operands& operands) noexcept;
  Value merge(const Operands& operands) noexcept;

  // interpreter_compare.cc
  Value compare(Op op, const Operands& operands) noexcept;
  Value ordered(Op op, const Operands& operands) noexcept;
  bool in_order(Op op, const Value& a, const Value& b) noexcept;

  // interpreter_math.cc
  Value calculate(Op op, const Operands& operands) noexcept;
  Value multiply(const Operands& operands) noexcept;
  double extreme(Op op, const Operands& operands) noexcept;

  // interpreter_text.cc
  Value text_operation(Op op, const Operands& operands) noexcept;
  Value cat(const Operands& operands) noexcept;
  Value substr(const Operands& operands) noexcept;
  Value in(const Operands& operands) noexcept;
  Value starts_or_ends(Op op, const Operands& operands) noexcept;
  Value compare_versions(const Operands& operands) noexcept;

  // interpreter_loop.cc
  Value loop(Op op, const Operands& operands) noexcept;
  Value map(const Value& items, const Operands& operands) noexcept;
  Value filter(const Value& items, const Operands& operands) noexcept;
  Value reduce(const Value& items, const Operands& operands) noexcept;

  // interpreter_split.cc
  Value split(const Operation& operation, const Operands& operands) noexcept;
  Value fractional(const Operands& operands) noexcept;
  void note_bucket(uint32_t hash, uint64_t bucket, uint64_t total, uint64_t first,
                   uint64_t end) noexcept;
  // The hash input of a `fractional`: `source` when it is a text, the flag's and the targeting key
  // otherwise. Nothing when there is none.
  std::optional<uint32_t> hash_of(const Value& source, const Scope* scope) noexcept;

  Value fail(ErrorCode error) noexcept {
    if (error_ == ErrorCode::kNone) error_ = error;
    return Value();
  }

  const Program& program_;
  const EvaluationContext& context_;
  BucketTrace* const trace_;
  uint32_t result_from_;  // the operation whose value is the result, as far as it was reached; for the trace
  ErrorCode error_ = ErrorCode::kNone;
  uint32_t steps_ = 0;
  Arena arena_;
};

}  // namespace flagmesh::flags
