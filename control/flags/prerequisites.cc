#include "control/flags/prerequisites.h"

#include <algorithm>
#include <map>
#include <utility>

#include "control/flags/compiled_flag.h"
#include "control/flags/report.h"

namespace flagmesh::flags {

namespace {

JsonValue operation(std::string name, JsonValue operands) {
  return JsonValue(JsonValue::Object{{std::move(name), std::move(operands)}});
}

JsonValue names_json(const std::vector<std::string>& names) {
  JsonValue::Array list;
  for (const std::string& name : names) list.emplace_back(name);
  return list;
}

bool is_operation(const JsonValue& value, std::string_view name) {
  return value.is_object() && value.object().size() == 1 && value.object().front().name == name;
}

bool is_loop(std::string_view name) {
  static constexpr std::string_view kLoops[] = {"map", "filter", "all", "none", "some", "reduce"};
  return std::ranges::find(kLoops, name) != std::end(kLoops);
}

// Another flag's targeting, as it is to be evaluated within this one's.
class Transplant {
 public:
  Transplant(const std::string& key, size_t& budget) : key_(key), budget_(budget) {}

  JsonValue move(const JsonValue& value) {
    if (budget_ == 0) return {};
    --budget_;
    if (value.is_array()) {
      JsonValue::Array items;
      for (const JsonValue& item : value.array()) items.push_back(move(item));
      return JsonValue(std::move(items), value.mark());
    }
    if (!value.is_object()) return value;
    if (is_flag_key(value)) return JsonValue(key_);
    if (is_operation(value, "fractional")) return split(value.object().front().value);
    JsonValue::Object members;
    for (const JsonMember& member : value.object()) {
      const bool loop =
          value.object().size() == 1 && is_loop(member.name) && member.value.is_array();
      members.push_back({member.name, loop ? move_loop(member.value) : move(member.value)});
    }
    return JsonValue(std::move(members), value.mark());
  }

 private:
  static bool is_flag_key(const JsonValue& value) {
    if (!is_operation(value, "var")) return false;
    const JsonValue& operand = value.object().front().value;
    const JsonValue* name = &operand;
    if (operand.is_array()) name = operand.array().empty() ? nullptr : &operand.array().front();
    return name != nullptr && name->is_string() && name->string() == "$flagd.flagKey";
  }

  // What runs for each element knows neither flag key nor context.
  JsonValue move_loop(const JsonValue& operands) {
    JsonValue::Array items = operands.array();
    if (!items.empty()) items.front() = move(items.front());
    return items;
  }

  JsonValue split(const JsonValue& operands) {
    JsonValue moved = move(operands);
    const bool shorthand =
        moved.is_array() && !moved.array().empty() && moved.array().front().is_array();
    if (!shorthand) return operation("fractional", std::move(moved));
    const JsonValue key = operation("var", "targetingKey");
    JsonValue::Array entries;
    entries.push_back(operation("cat", JsonValue::Array{key_, key}));
    entries.insert(entries.end(), moved.array().begin(), moved.array().end());
    // Without a targeting key it does not decide, wherever it stands.
    return operation(
        "if", JsonValue::Array{operation("!=", JsonValue::Array{key, nullptr}),
                               operation("fractional", JsonValue(std::move(entries))), nullptr});
  }

  const std::string& key_;
  size_t& budget_;
};

class Resolver {
 public:
  explicit Resolver(const FindFlag& find) : find_(find) {}

  Result<JsonValue> targeting_of(const FlagDefinition& flag) {
    if (flag.prerequisites.empty()) return flag.targeting;
    if (std::ranges::find(open_, flag.key) != open_.end()) return circle(flag.key);
    open_.push_back(flag.key);
    JsonValue::Array branches;
    for (const Prerequisite& prerequisite : flag.prerequisites) {
      auto met = condition(prerequisite);
      if (!met) return met;
      branches.push_back(operation("!", JsonValue::Array{std::move(*met)}));
      branches.push_back(prerequisite.otherwise ? JsonValue(*prerequisite.otherwise) : JsonValue());
    }
    open_.pop_back();
    branches.push_back(flag.own_targeting);
    return operation("if", std::move(branches));
  }

 private:
  Result<JsonValue> condition(const Prerequisite& prerequisite) {
    const FlagDefinition* other = find_(prerequisite.flag);
    if (other == nullptr || other->state == FlagState::kDisabled) return JsonValue(false);
    auto targeting = targeting_of(*other);
    if (!targeting) return targeting;
    const bool by_default = other->default_variant &&
                            std::ranges::find(prerequisite.variants, *other->default_variant) !=
                                prerequisite.variants.end();
    if (targeting->is_null()) return JsonValue(by_default);
    Transplant transplant(other->key, budget_);
    const JsonValue decided = transplant.move(*targeting);
    if (budget_ == 0) {
      return fail("too_large", "with its prerequisites the targeting has more than " +
                                   std::to_string(kTargetingNodes) + " values");
    }
    JsonValue named = served(decided, prerequisite.variants);
    if (!by_default) return named;
    return operation("or", JsonValue::Array{std::move(named),
                                            operation("==", JsonValue::Array{decided, nullptr})});
  }

  // Targeting may say true for the variant "true".
  static JsonValue served(const JsonValue& decided, const std::vector<std::string>& names) {
    JsonValue::Array list = names_json(names).array();
    for (const std::string& name : names) {
      if (name == "true") list.emplace_back(true);
      if (name == "false") list.emplace_back(false);
    }
    return operation("in", JsonValue::Array{decided, JsonValue(std::move(list))});
  }

  std::unexpected<Error> circle(const std::string& key) const {
    std::string way;
    for (auto at = std::ranges::find(open_, key); at != open_.end(); ++at)
      way += "'" + *at + "' needs ";
    return fail("prerequisite_cycle",
                "prerequisites go round in a circle: " + way + "'" + key + "'", {},
                "take one of them out");
  }

  const FindFlag& find_;
  std::vector<std::string> open_;
  size_t budget_ = kTargetingNodes;
};

std::optional<Prerequisite> read_one(const JsonValue& value, const std::string& where,
                                     const FlagDefinition& flag, const std::string& file,
                                     Diagnostics& out) {
  const auto refuse = [&](Mark mark, std::string message, std::string mend) {
    out.push_back(error_at(file, mark, where + ": " + std::move(message), std::move(mend)));
    return std::nullopt;
  };
  if (!value.is_object()) {
    return refuse(value.mark(), "a prerequisite is a map", "write { flag: KEY, variant: NAME }");
  }
  Prerequisite found;
  found.file = file;
  found.mark = value.mark();
  for (const JsonMember& member : value.object()) {
    const bool text = member.value.is_string() && !member.value.string().empty();
    if (member.name == "flag" && text) {
      found.flag = member.value.string();
    } else if (member.name == "variant" && text) {
      found.variants.push_back(member.value.string());
    } else if (member.name == "variants" && member.value.is_array()) {
      for (const JsonValue& name : member.value.array()) {
        if (!name.is_string())
          return refuse(name.mark(), "a variant is no text", "put it in quotes");
        found.variants.push_back(name.string());
      }
    } else if (member.name == "otherwise" && text) {
      found.otherwise = member.value.string();
      if (!flag.variant_index(*found.otherwise)) {
        return refuse(member.value.mark(), "'otherwise' is not one of its variants", "name one");
      }
    } else {
      return refuse(member.mark, "'" + member.name + "' in a prerequisite is unknown or no text",
                    "flag, variant or variants, otherwise");
    }
  }
  if (found.flag.empty() || found.variants.empty()) {
    return refuse(value.mark(), "a prerequisite names no flag or no variant",
                  "write { flag: KEY, variant: NAME }");
  }
  return found;
}

void warn_of_nothing(const FlagDefinition& flag, const Prerequisite& prerequisite,
                     const FlagDefinition* other, const std::vector<std::string>& keys,
                     Diagnostics& out) {
  const auto warn = [&](std::string message, std::string mend) {
    out.push_back(warning_at(prerequisite.file, prerequisite.mark,
                             "flag '" + flag.key + "': " + std::move(message), std::move(mend)));
  };
  if (other == nullptr) {
    const std::string near = nearest(prerequisite.flag, keys);
    return warn("its prerequisite '" + prerequisite.flag + "' does not exist: nobody meets it",
                near.empty() ? "add that flag" : "did you mean '" + near + "'?");
  }
  if (other->state == FlagState::kDisabled) {
    return warn("its prerequisite '" + prerequisite.flag + "' is disabled: nobody meets it",
                "enable that flag");
  }
  for (const std::string& name : prerequisite.variants) {
    if (other->variant_index(name)) continue;
    warn("its prerequisite '" + prerequisite.flag + "' has no variant '" + name + "'",
         "name one of its variants");
  }
}

}  // namespace

void read_prerequisites(const JsonValue& value, const std::string& file, FlagDefinition& flag,
                        Diagnostics& out) {
  const std::string where = "flag '" + flag.key + "'";
  if (!value.is_array() || value.array().empty() || value.array().size() > kPrerequisites) {
    out.push_back(
        error_at(file, value.mark(),
                 "'prerequisites' of " + where + " is not a list of 1 to 20 prerequisites",
                 "write [{ flag: KEY, variant: NAME }]"));
    return;
  }
  for (const JsonValue& item : value.array()) {
    auto prerequisite = read_one(item, where, flag, file, out);
    if (!prerequisite) continue;
    if (prerequisite->flag == flag.key) {
      out.push_back(error_at(file, item.mark(), where + " is its own prerequisite", "remove it"));
      continue;
    }
    flag.prerequisites.push_back(std::move(*prerequisite));
  }
}

JsonValue prerequisites_json(const std::vector<Prerequisite>& prerequisites) {
  JsonValue::Array list;
  for (const Prerequisite& prerequisite : prerequisites) {
    JsonValue::Object object;
    object.push_back({"flag", prerequisite.flag});
    object.push_back({"variants", names_json(prerequisite.variants)});
    if (prerequisite.otherwise) object.push_back({"otherwise", *prerequisite.otherwise});
    list.emplace_back(std::move(object));
  }
  return list;
}

Result<JsonValue> with_prerequisites(const FlagDefinition& flag, const FindFlag& find) {
  return Resolver(find).targeting_of(flag);
}

void resolve_prerequisites(FlagSet& set, Diagnostics& out) {
  const bool any = std::ranges::any_of(
      set.flags, [](const FlagDefinition& flag) { return !flag.prerequisites.empty(); });
  if (!any) return;
  std::map<std::string_view, const FlagDefinition*> by_key;
  std::vector<std::string> keys;
  for (const FlagDefinition& flag : set.flags) {
    by_key.emplace(flag.key, &flag);
    keys.push_back(flag.key);
  }
  const FindFlag find = [&](std::string_view key) {
    const auto found = by_key.find(key);
    return found == by_key.end() ? nullptr : found->second;
  };
  // All are read from the set as it was written before any of them is changed.
  std::vector<std::pair<FlagDefinition*, JsonValue>> resolved;
  for (FlagDefinition& flag : set.flags) {
    if (flag.prerequisites.empty()) continue;
    const Prerequisite& first = flag.prerequisites.front();
    for (const Prerequisite& prerequisite : flag.prerequisites) {
      warn_of_nothing(flag, prerequisite, find(prerequisite.flag), keys, out);
    }
    auto targeting = with_prerequisites(flag, find);
    if (!targeting) {
      out.push_back(error_at(first.file, first.mark,
                             "flag '" + flag.key + "': " + targeting.error().message,
                             targeting.error().mend));
      continue;
    }
    FlagDefinition whole = flag;
    whole.targeting = *targeting;
    if (auto wrong = check_targeting(whole)) {
      out.push_back(error_at(first.file, first.mark,
                             "flag '" + flag.key + "' with its prerequisites: " + wrong->message));
      continue;
    }
    resolved.emplace_back(&flag, std::move(*targeting));
  }
  for (auto& [flag, targeting] : resolved) flag->targeting = std::move(targeting);
}

}  // namespace flagmesh::flags
