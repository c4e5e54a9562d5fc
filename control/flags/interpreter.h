// Runs a program once, in one context.
#pragma once

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
      : program_(program), context_(context), trace_(trace) {}

  // Null when the targeting does not decide. Check error() first. The value is valid until this
  // object, the program or the context ends.
  Value run() noexcept { return evaluate(program_.root); }
  ErrorCode error() const noexcept { return error_; }

 private:
  Value evaluate(uint32_t index) noexcept;
  Value list(const Operation& operation) noexcept;
  Value cat(const Operation& operation) noexcept;
  Value split(const Operation& operation) noexcept;
  Value fractional(const Operation& operation) noexcept;

  Value operand(const Operation& operation, uint32_t i) noexcept {
    return evaluate(program_.operands[operation.first + i]);
  }
  // The hash input of a `fractional`: `source` when it is a text, the flag's and the targeting key
  // otherwise. False when there is none.
  bool hash_input(const Value& source, uint32_t& hash) noexcept;
  void fail(ErrorCode error) noexcept {
    if (error_ == ErrorCode::kNone) error_ = error;
  }

  const Program& program_;
  const EvaluationContext& context_;
  BucketTrace* const trace_;
  ErrorCode error_ = ErrorCode::kNone;
  uint32_t steps_ = 0;
  Arena arena_;
};

}  // namespace flagmesh::flags
