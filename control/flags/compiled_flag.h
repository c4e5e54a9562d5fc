// A flag compiled for evaluation: immutable, shared by all threads, made once when the flag
// arrives.
//
//   auto flag = CompiledFlag::compile(definition);
//   Evaluation e = (*flag)->evaluate(context);
//   if (e.variant != nullptr) serve(e.variant->name); else fall_back(e.reason);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/context.h"
#include "control/flags/model.h"
#include "control/flags/time_steps.h"
#include "control/flags/variant_set.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"

namespace flagmesh::flags {

// OpenFeature's reasons, as flagd reports them (a split is a TARGETING_MATCH there too).
enum class Reason : uint8_t { kStatic, kTargetingMatch, kDefault, kDisabled, kError };
// OpenFeature's error codes that evaluation can end in; a missing flag and a wrong type are the
// caller's to find.
enum class ErrorCode : uint8_t { kNone, kParseError, kGeneral };

std::string_view reason_name(
    Reason reason);  // "STATIC", "TARGETING_MATCH", "DEFAULT", "DISABLED", "ERROR"
std::string_view error_code_name(ErrorCode error);  // "" for kNone, "PARSE_ERROR", "GENERAL"

struct Evaluation {
  const Variant* variant =
      nullptr;         // owned by the flag; null: the caller's default (route's fallback)
  uint32_t index = 0;  // of `variant` in variants(), when there is one
  Reason reason = Reason::kError;
  ErrorCode error = ErrorCode::kNone;
};

// How the evaluation came to its result; for explanations.
struct BucketTrace {
  // The last `fractional` that was evaluated.
  bool decided = false;  // false: none was
  uint32_t hash = 0;
  uint64_t bucket = 0;        // 0 … total-1
  uint64_t total_weight = 0;  // "bucket 36 of 100"
  uint64_t first = 0;         // the buckets of the same result: first … end-1
  uint64_t end = 0;

  // The way through the `if`s that lead to the result, from the outside in: which operand of each
  // was taken. Deeper ones than kRules are not told.
  static constexpr size_t kRules = 8;
  std::array<uint16_t, kRules> rules{};
  uint8_t rule_count = 0;
};

// Where the rule that decided stands in the canonical flag, as a JSON pointer (RFC 6901):
// "/targeting/if/1/if/2"; "/targeting" when no `if` was in the way.
std::string rule_pointer(const BucketTrace& trace);

// Whether the targeting compiles; if not, what is wrong and where (its marks, no file).
std::optional<Diagnostic> check_targeting(const FlagDefinition& definition);

class Program;  // program.h: the compiled targeting

class CompiledFlag {
 public:
  // Refuses (code "bad_targeting", "unknown_bucketing") what it cannot evaluate as flagd does; what
  // flagd evaluates to an error compiles, and evaluates to that error. Cost: a walk over the
  // targeting; call it off the data plane.
  static Result<std::shared_ptr<const CompiledFlag>> compile(const FlagDefinition& definition);
  ~CompiledFlag();

  // Allocates nothing for flags that split, compare strings or numbers, or use `in`, `starts_with`,
  // `ends_with`; other operators may use a small buffer of their own. Bounded: a step limit ends
  // runaway logic with kGeneral.
  Evaluation evaluate(const EvaluationContext& context,
                      BucketTrace* trace = nullptr) const noexcept;

  std::string_view tenant() const { return tenant_; }
  const std::string& key() const { return key_; }
  FlagState state() const { return state_; }
  const std::vector<Variant>& variants() const {
    return variants_->list();
  }                                   // the definition's order
  const JsonValue& metadata() const;  // null: none
  std::optional<uint32_t> default_index() const {
    return default_ == kNoDefault ? std::nullopt : std::optional(default_);
  }

  // What evaluation may ask of the context. Paths are in no order and unique.
  bool needs_targeting_key() const;
  bool needs_time() const;  // `$flagd.timestamp`: the result may change without a change of state
  // When, if needs_time(). A walk over the program: not for every request.
  TimeSteps time_steps() const;
  std::span<const ContextPath> paths() const;  // every path it names
  bool needs_any_path() const;                 // it computes paths: any may be asked

 private:
  static constexpr uint32_t kNoDefault = UINT32_MAX;
  struct Token {};  // make_shared needs a public constructor

 public:
  explicit CompiledFlag(Token);

 private:
  Evaluation chosen(uint32_t index, Reason reason) const noexcept;
  Evaluation by_default(Reason reason) const noexcept;
  Evaluation named(std::string_view name) const noexcept;

  std::string_view tenant_;  // of a table that stays
  std::string key_;
  std::shared_ptr<const VariantSet> variants_;
  std::unique_ptr<const JsonValue> metadata_;  // null: none
  std::unique_ptr<const Program> program_;     // null: no targeting
  uint32_t default_ = kNoDefault;
  FlagState state_ = FlagState::kEnabled;
};

}  // namespace flagmesh::flags
