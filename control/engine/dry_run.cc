#include "control/engine/dry_run.h"

#include <memory>

#include "control/flags/compiled_flag.h"

namespace flagmesh::engine {

using flags::JsonValue;

namespace {

using FlagPtr = std::shared_ptr<const flags::CompiledFlag>;

Result<FlagPtr> compile(const flags::FlagDefinition* definition) {
  return definition == nullptr ? Result<FlagPtr>(nullptr)
                               : flags::CompiledFlag::compile(*definition);
}

std::string variant_of(const FlagPtr& flag, const flags::EvaluationContext& context) {
  if (flag == nullptr) return {};
  const flags::Evaluation result = flag->evaluate(context);
  return result.variant == nullptr ? std::string() : result.variant->name;
}

JsonValue name_json(const std::string& name) {
  return name.empty() ? JsonValue() : JsonValue(name);
}

}  // namespace

JsonValue DryRun::json() const {
  JsonValue::Array list;
  for (const auto& [way, users] : moves) {
    JsonValue::Object move;
    move.push_back({"from", name_json(way.first)});
    move.push_back({"to", name_json(way.second)});
    move.push_back({"users", static_cast<double>(users)});
    list.emplace_back(std::move(move));
  }
  JsonValue::Object object;
  object.push_back({"moved", static_cast<double>(moved)});
  object.push_back({"moves", JsonValue(std::move(list))});
  object.push_back({"sample", static_cast<double>(sample)});
  return JsonValue(std::move(object));
}

Result<DryRun> dry_run(const flags::FlagDefinition* before, const flags::FlagDefinition* after,
                       const JsonValue& context, size_t sample, int64_t unix_seconds) {
  const auto old_flag = compile(before);
  if (!old_flag) return std::unexpected(old_flag.error());
  const auto new_flag = compile(after);
  if (!new_flag) return std::unexpected(new_flag.error());
  JsonValue::Object members;
  if (context.is_object()) {
    for (const flags::JsonMember& member : context.object()) {
      if (member.name != "targetingKey") members.push_back(member);
    }
  }
  members.push_back({"targetingKey", ""});
  DryRun result;
  result.sample = sample;
  for (size_t i = 0; i < sample; ++i) {
    members.back().value = JsonValue("user-" + std::to_string(i));
    const JsonValue user(members);
    const flags::JsonContext facts(user, unix_seconds);
    std::string from = variant_of(*old_flag, facts);
    std::string to = variant_of(*new_flag, facts);
    if (from == to) continue;
    ++result.moved;
    ++result.moves[{std::move(from), std::move(to)}];
  }
  return result;
}

}  // namespace flagmesh::engine
