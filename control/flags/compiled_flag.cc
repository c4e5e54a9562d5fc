#include "control/flags/compiled_flag.h"

#include <array>
#include <mutex>
#include <set>

#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"
#include "control/flags/program.h"

namespace flagmesh::flags {

namespace {

// A process has few tenants and many flags; names are never forgotten.
std::string_view tenant_name(const std::string& name) {
  static std::mutex mutex;
  static auto* const names = new std::set<std::string, std::less<>>();
  const std::lock_guard lock(mutex);
  return *names->insert(name).first;
}

}  // namespace

CompiledFlag::CompiledFlag(Token) {}
CompiledFlag::~CompiledFlag() = default;

Result<std::shared_ptr<const CompiledFlag>> CompiledFlag::compile(
    const FlagDefinition& definition) {
  if (definition.bucketing != kBucketingV2) {
    return fail("unknown_bucketing", "flag '" + definition.key +
                                         "' wants the bucketing algorithm '" +
                                         definition.bucketing + "'");
  }
  auto flag = std::make_shared<CompiledFlag>(Token());
  flag->tenant_ = tenant_name(definition.tenant);
  flag->key_ = definition.key;
  flag->state_ = definition.state;
  flag->variants_ = VariantSet::shared(definition.variants);
  if (!definition.metadata.is_null()) {
    flag->metadata_ = std::make_unique<const JsonValue>(definition.metadata);
  }
  if (definition.default_variant) {
    const auto index = flag->variants_->find(*definition.default_variant);
    if (!index)
      return fail("bad_flag", "the default variant of flag '" + definition.key +
                                  "' is not one of its variants");
    flag->default_ = *index;
  }
  if (!definition.targeting.is_null()) {
    auto program = Program::compile(definition.targeting, flag->key_);
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
  return {.variant = &variants_->list()[index],
          .index = index,
          .reason = reason,
          .error = ErrorCode::kNone};
}

Evaluation CompiledFlag::by_default(Reason reason) const noexcept {
  if (default_ != kNoDefault) return chosen(default_, reason);
  return {.variant = nullptr, .index = 0, .reason = Reason::kDefault, .error = ErrorCode::kNone};
}

Evaluation CompiledFlag::named(std::string_view name) const noexcept {
  const auto found = variants_->find(name);
  if (!found) {
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

std::span<const ContextPath> CompiledFlag::paths() const {
  return program_ == nullptr ? std::span<const ContextPath>() : program_->paths;
}

const JsonValue& CompiledFlag::metadata() const {
  static const JsonValue kNone;
  return metadata_ == nullptr ? kNone : *metadata_;
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
