#include "control/flags/compiled_flag.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"
#include "control/flags/program.h"

namespace flagmesh::flags {

CompiledFlag::CompiledFlag() = default;
CompiledFlag::~CompiledFlag() = default;

Result<std::shared_ptr<const CompiledFlag>> CompiledFlag::compile(
    const FlagDefinition& definition) {
  if (definition.bucketing != kBucketingV2) {
    return fail("unknown_bucketing", "flag '" + definition.key +
                                         "' wants the bucketing algorithm '" +
                                         definition.bucketing + "'");
  }
  auto flag = std::shared_ptr<CompiledFlag>(new CompiledFlag());
  flag->tenant_ = definition.tenant;
  flag->key_ = definition.key;
  flag->state_ = definition.state;
  flag->variants_ = definition.variants;
  flag->metadata_ = definition.metadata;
  flag->by_name_.resize(definition.variants.size());
  std::iota(flag->by_name_.begin(), flag->by_name_.end(), 0U);
  std::ranges::sort(flag->by_name_, {},
                    [&](uint32_t i) { return std::string_view(flag->variants_[i].name); });
  if (definition.default_variant) {
    const auto index = definition.variant_index(*definition.default_variant);
    if (!index)
      return fail("bad_flag", "the default variant of flag '" + definition.key +
                                  "' is not one of its variants");
    flag->default_index_ = static_cast<uint32_t>(*index);
  }
  if (!definition.targeting.is_null()) {
    auto program = Program::compile(definition.targeting, definition.key);
    if (!program)
      return fail("bad_targeting", "flag '" + definition.key + "': " + program.error().message);
    flag->program_ = std::move(*program);
  }
  return flag;
}

std::optional<Diagnostic> check_targeting(const FlagDefinition& definition) {
  if (definition.targeting.is_null()) return std::nullopt;
  auto program = Program::compile(definition.targeting, definition.key);
  if (program) return std::nullopt;
  return program.error();
}

Evaluation CompiledFlag::chosen(uint32_t index, Reason reason) const noexcept {
  return {
      .variant = &variants_[index], .index = index, .reason = reason, .error = ErrorCode::kNone};
}

Evaluation CompiledFlag::by_default(Reason reason) const noexcept {
  if (default_index_) return chosen(*default_index_, reason);
  return {.variant = nullptr, .index = 0, .reason = Reason::kDefault, .error = ErrorCode::kNone};
}

Evaluation CompiledFlag::named(std::string_view name) const noexcept {
  const auto found = std::ranges::lower_bound(
      by_name_, name, {}, [&](uint32_t i) { return std::string_view(variants_[i].name); });
  if (found == by_name_.end() || variants_[*found].name != name) {
    return {.variant = nullptr, .index = 0, .reason = Reason::kError, .error = ErrorCode::kGeneral};
  }
  return chosen(*found, Reason::kTargetingMatch);
}

Evaluation CompiledFlag::evaluate(const EvaluationContext& context,
                                  BucketTrace* trace) const noexcept {
  if (state_ == FlagState::kDisabled)
    return {.variant = nullptr, .index = 0, .reason = Reason::kDisabled, .error = ErrorCode::kNone};
  if (program_ == nullptr) return by_default(Reason::kStatic);
  Interpreter interpreter(*program_, context, trace);
  const Value result = interpreter.run();
  if (interpreter.error() != ErrorCode::kNone) {
    return {.variant = nullptr, .index = 0, .reason = Reason::kError, .error = interpreter.error()};
  }
  switch (result.kind()) {
    case Value::Kind::kNull:
      return by_default(Reason::kDefault);
    case Value::Kind::kString:
      return named(result.text());
    case Value::Kind::kBool:
      return named(result.boolean() ? "true" : "false");
    case Value::Kind::kNumber:
      return named(number_text(result.number()));
    default:
      return {
          .variant = nullptr, .index = 0, .reason = Reason::kError, .error = ErrorCode::kGeneral};
  }
}

bool CompiledFlag::needs_targeting_key() const {
  return program_ != nullptr && program_->needs_targeting_key;
}
bool CompiledFlag::needs_time() const {
  return program_ != nullptr && program_->needs_time;
}
bool CompiledFlag::needs_any_path() const {
  return program_ != nullptr && program_->needs_any_path;
}

TimeSteps CompiledFlag::time_steps() const {
  return program_ == nullptr ? TimeSteps() : flags::time_steps(*program_);
}

std::string rule_pointer(const BucketTrace& trace) {
  std::string pointer = "/targeting";
  for (size_t i = 0; i < trace.rule_count; ++i) {
    pointer.append("/if/").append(std::to_string(trace.rules[i]));
  }
  return pointer;
}

const std::vector<ContextPath>& CompiledFlag::paths() const {
  static const std::vector<ContextPath> kNone;
  return program_ == nullptr ? kNone : program_->paths;
}

std::string_view reason_name(Reason reason) {
  static constexpr std::array<std::string_view, 5> kNames = {"STATIC", "TARGETING_MATCH", "DEFAULT",
                                                             "DISABLED", "ERROR"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view error_code_name(ErrorCode error) {
  static constexpr std::array<std::string_view, 3> kNames = {"", "PARSE_ERROR", "GENERAL"};
  return kNames[static_cast<size_t>(error)];
}

}  // namespace flagmesh::flags
