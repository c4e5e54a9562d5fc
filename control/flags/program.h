// Targeting as an immutable tree of operations: what compile.cc makes of JSONLogic and the
// interpreter runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/bucketing.h"
#include "control/flags/context.h"
#include "control/flags/json_value.h"
#include "control/flags/value.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

enum class Op : uint8_t {
  // Data
  kConstant,  // data: index of a constant
  kVar,       // data: index of a path in the context; operand 0: the default, if any
  kScopeVar,  // the same below the element that a loop is at; data: index of a constant (the path)
  kComputedVar,   // operand 0: the path; operand 1: the default, if any
  kWhole,         // {"var": ""}: the context, or the element
  kTargetingKey,  // {"var": "targetingKey"}; operand 0: the default, if any
  kFlagKey,       // {"var": "$flagd.flagKey"}
  kTimestamp,     // {"var": "$flagd.timestamp"}
  kMissing,
  kMissingSome,
  kList,  // operands, as a list
  kMerge,
  // Logic and comparison
  kIf,
  kAnd,
  kOr,
  kNot,
  kNotNot,
  kEqual,
  kNotEqual,
  kStrictEqual,
  kStrictNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  // Arithmetic
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kMin,
  kMax,
  // Texts
  kCat,
  kSubstr,
  kIn,
  kStartsWith,
  kEndsWith,
  kSemVer,
  // Loops: operand 0 is the list, operand 1 runs for each element; kReduce has its start in operand
  // 2
  kMap,
  kFilter,
  kAll,
  kNone,
  kSome,
  kReduce,
  // Splits
  kFractional,  // operands as written, the key source among them
  kSplit,       // the same when all entries are constants; data: index of a split
  kUnknown,     // an operation that does not exist: an error when it is reached
};

struct Operation {
  Op op = Op::kConstant;
  uint32_t data = 0;
  uint32_t first = 0;  // operands: indices operands[first … first+count-1]
  uint32_t count = 0;
};

// A `fractional` whose variants and weights are constants, checked and added up once.
struct SplitEntry {
  uint32_t end = 0;       // cumulative weight
  uint32_t constant = 0;  // the result, an index of a constant
};
struct Split {
  uint32_t first = 0;  // split_entries[first … first+count-1]
  uint32_t count = 0;
  uint32_t total = 0;       // 0: it never decides
  bool has_source = false;  // operand 0 is the key source
};

// All parts lie in one piece of memory: a program of a few operations takes a few hundred bytes.
class Program {
 public:
  // The error says where the targeting is wrong (line and column from its marks; no file): only
  // what exceeds the limits of model.h is. REQUIRES: `flag_key` outlives the program.
  static std::expected<std::unique_ptr<const Program>, Diagnostic> compile(
      const JsonValue& targeting, std::string_view flag_key);

  std::span<const Operation> operations;
  std::span<const uint32_t> operands;
  std::span<const Value> constants;  // texts are in `memory_`, lists and objects in `trees_`
  std::span<const ContextPath> paths;
  std::span<const Split> splits;
  std::span<const SplitEntry> split_entries;
  std::string_view flag_key;
  uint32_t root = 0;
  Murmur3 seed;  // after the flag's key
  bool needs_targeting_key = false;
  bool needs_time = false;
  bool needs_any_path = false;

 private:
  friend struct ProgramParts;

  std::unique_ptr<std::byte[]> memory_;
  std::unique_ptr<std::vector<JsonValue>> trees_;  // null: there are none
};

// A program while it grows.
struct ProgramParts {
  std::vector<Operation> operations;
  std::vector<uint32_t> operands;
  std::vector<JsonValue> constants;
  std::vector<std::string> paths;
  std::vector<Split> splits;
  std::vector<SplitEntry> split_entries;
  uint32_t root = 0;
  bool needs_targeting_key = false;
  bool needs_time = false;
  bool needs_any_path = false;

  std::unique_ptr<const Program> pack(std::string_view flag_key) &&;
};

}  // namespace flagmesh::flags
