#include "control/flags/flag_reader.h"

#include <algorithm>

#include "control/flags/canonical_flag.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/evaluators.h"
#include "control/flags/lint.h"
#include "control/flags/prerequisites.h"
#include "control/flags/report.h"
#include "control/flags/schedule.h"
#include "control/flags/sugar.h"

namespace flagmesh::flags {

namespace {

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

class FlagReader {
 public:
  FlagReader(const JsonValue& value, const FileContext& context, Diagnostics& out)
      : value_(value), context_(context), out_(out) {}

  FlagDefinition read(std::string_view key, Mark key_mark, bool in_array) {
    flag_.tenant = context_.tenant;
    flag_.key = key;
    flag_.mark = key_mark;
    where_ = "flag '" + flag_.key + "'";
    if (key.empty() || key.size() > kFlagKeyBytes || has_control(key)) {
      error(key_mark, key.empty()
                          ? "a flag's key is empty"
                          : "a flag's key is longer than 256 bytes or has control characters");
      return std::move(flag_);
    }
    if (!value_.is_object()) {
      error(value_.is_null() ? key_mark : value_.mark(), where_ + " is not a map",
            "write its state, variants and defaultVariant");
      return std::move(flag_);
    }
    check_keys(in_array);
    read_state();
    read_variants();
    if (flag_.variants.empty()) return std::move(flag_);
    read_default();
    if (const JsonValue* metadata = value_.find("metadata"))
      flag_.metadata = read_metadata(*metadata, context_.file, out_);
    read_targeting();
    read_schedule();
    if (const JsonValue* prerequisites = value_.find("prerequisites")) {
      const size_t before = out_.size();
      read_prerequisites(*prerequisites, context_.file, flag_, out_);
      failed_ = failed_ || failed_since(before);
    }
    check_whole();
    if (!flag_.prerequisites.empty()) flag_.own_targeting = flag_.targeting;
    return std::move(flag_);
  }

 private:
  void error(Mark mark, std::string message, std::string mend = {}) {
    out_.push_back(error_at(context_.file, mark, std::move(message), std::move(mend)));
    failed_ = true;
  }
  void warning(Mark mark, std::string message, std::string mend = {}) {
    out_.push_back(warning_at(context_.file, mark, std::move(message), std::move(mend)));
  }

  void check_keys(bool in_array) {
    static const std::vector<std::string> kKnown = {
        "state",   "enabled",  "variants",      "defaultVariant", "targeting",
        "rollout", "schedule", "prerequisites", "metadata"};
    for (const JsonMember& member : value_.object()) {
      if (in_array && member.name == "key") continue;
      report_unknown_key(member, kKnown, where_, context_.file, out_);
    }
  }

  void read_state() {
    const JsonValue* state = value_.find("state");
    const JsonValue* enabled = value_.find("enabled");
    if (state != nullptr && enabled != nullptr)
      return error(enabled->mark(), where_ + " has both 'state' and 'enabled'", "keep one");
    if (enabled != nullptr) {
      if (!enabled->is_bool())
        return error(enabled->mark(), "'enabled' is a " + std::string(type_name(enabled->type())),
                     "write true or false");
      flag_.state = enabled->boolean() ? FlagState::kEnabled : FlagState::kDisabled;
      return;
    }
    if (state == nullptr)
      return warning(flag_.mark, where_ + " has no 'state': it counts as ENABLED",
                     "add 'state: ENABLED'");
    if (state->is_string() && state->string() == "ENABLED") return;
    if (!state->is_string() || state->string() != "DISABLED")
      return error(state->mark(), "'state' of " + where_ + " is neither ENABLED nor DISABLED",
                   "write ENABLED or DISABLED");
    flag_.state = FlagState::kDisabled;
  }

  void read_variants() {
    const JsonValue* variants = value_.find("variants");
    if (variants == nullptr)
      return error(flag_.mark, where_ + " has no 'variants'",
                   "add variants: { \"on\": true, \"off\": false }");
    if (!variants->is_object())
      return error(variants->mark(), "'variants' is not a map from name to value");
    if (variants->object().empty())
      return error(variants->mark(), where_ + " has no variant", "add one");
    if (variants->object().size() > kVariants)
      return error(variants->mark(), where_ + " has more than 1000 variants");
    for (const JsonMember& member : variants->object()) read_variant(member);
  }

  void read_variant(const JsonMember& member) {
    if (member.name.empty() || member.name.size() > kVariantNameBytes || has_control(member.name)) {
      return error(
          member.mark,
          "the name of a variant is empty, longer than 256 bytes or has control characters");
    }
    const JsonValue& value = member.value;
    if (value.is_null() || value.is_array()) {
      return error(value.mark(),
                   "variant '" + member.name + "' is " + (value.is_null() ? "null" : "a list"),
                   "variants are booleans, texts, numbers or maps");
    }
    if (!flag_.variants.empty() && flag_.variants.front().value.type() != value.type()) {
      warning(value.mark(),
              "variant '" + member.name + "' is a " + std::string(type_name(value.type())) +
                  ", the first variant is a " +
                  std::string(type_name(flag_.variants.front().value.type())),
              "give all variants one type");
    }
    flag_.variants.push_back(Variant{member.name, value});
  }

  void read_default() {
    const JsonValue* value = value_.find("defaultVariant");
    if (value == nullptr || value->is_null()) return;
    if (!value->is_string())
      return error(value->mark(), "'defaultVariant' is a " + std::string(type_name(value->type())),
                   "put the variant's name in quotes");
    if (flag_.variant_index(value->string())) {
      flag_.default_variant = value->string();
      return;
    }
    std::vector<std::string> names;
    for (const Variant& variant : flag_.variants) names.push_back(variant.name);
    const std::string near = nearest(value->string(), names);
    error(value->mark(),
          "the default variant '" + value->string() + "' of " + where_ +
              " is not one of its variants",
          near.empty() ? "name one of its variants" : "did you mean '" + near + "'?");
  }

  void read_targeting() {
    const JsonValue* targeting = value_.find("targeting");
    const JsonValue* rollout = value_.find("rollout");
    if (targeting != nullptr && rollout != nullptr) {
      return error(rollout->mark(), where_ + " has both 'targeting' and 'rollout'",
                   "put the split into the targeting as a 'fractional'");
    }
    if (rollout != nullptr) {
      flag_.targeting = desugar_rollout(*rollout, flag_, context_.file, out_);
      failed_ = failed_ || flag_.targeting.is_null();
      return;
    }
    if (targeting == nullptr || targeting->is_null() ||
        (targeting->is_object() && targeting->object().empty()))
      return;
    const size_t before = out_.size();
    flag_.targeting =
        inline_refs(*targeting, context_.evaluators, context_.segments, context_.file, out_);
    failed_ = failed_ || failed_since(before);
  }

  bool failed_since(size_t before) const {
    return std::any_of(out_.begin() + static_cast<ptrdiff_t>(before), out_.end(),
                       [](const Diagnostic& d) { return d.severity == Severity::kError; });
  }

  // What the rollout says holds until its first step.
  void read_schedule() {
    const JsonValue* schedule = value_.find("schedule");
    if (schedule == nullptr) return;
    if (value_.find("targeting") != nullptr) {
      return error(schedule->mark(), where_ + " has both 'targeting' and 'schedule'",
                   "put the steps into the targeting, as conditions on $flagd.timestamp");
    }
    flag_.targeting =
        desugar_schedule(*schedule, std::move(flag_.targeting), flag_, context_.file, out_);
    failed_ = failed_ || flag_.targeting.is_null();
  }

  // What only the finished definition shows: that it compiles, and that its published form is not
  // too large.
  void check_whole() {
    if (failed_) return;
    if (const auto wrong = check_targeting(flag_)) {
      Diagnostic placed = *wrong;
      placed.file = context_.file;
      out_.push_back(std::move(placed));
    }
    lint_targeting(flag_, context_.file, out_);
    if (canonical_flag(flag_).size() > kCanonicalFlagBytes)
      error(flag_.mark, where_ + " is larger than 256 KiB in canonical form");
  }

  const JsonValue& value_;
  const FileContext& context_;
  Diagnostics& out_;
  FlagDefinition flag_;
  std::string where_;
  bool failed_ = false;
};

}  // namespace

FlagDefinition read_flag(const JsonValue& value, std::string_view key, Mark key_mark, bool in_array,
                         const FileContext& context, Diagnostics& out) {
  return FlagReader(value, context, out).read(key, key_mark, in_array);
}

JsonValue read_metadata(const JsonValue& value, const std::string& file, Diagnostics& out) {
  if (value.is_null()) return {};
  if (!value.is_object()) {
    out.push_back(error_at(file, value.mark(), "'metadata' is not a map"));
    return {};
  }
  if (value.object().empty()) return {};
  for (const JsonMember& member : value.object()) {
    if (!member.value.is_string() && !member.value.is_number() && !member.value.is_bool()) {
      out.push_back(warning_at(
          file, member.value.mark(),
          "metadata '" + member.name + "' is " + std::string(type_name(member.value.type())),
          "metadata are texts, numbers or booleans"));
    }
  }
  return value;
}

void report_unknown_key(const JsonMember& member, const std::vector<std::string>& known,
                        const std::string& where, const std::string& file, Diagnostics& out) {
  if (std::ranges::find(known, member.name) != known.end()) return;
  const std::string near = nearest(member.name, known);
  const std::string message = "unknown key '" + member.name + "' in " + where;
  if (near.empty()) {
    out.push_back(warning_at(file, member.mark, message + " has no meaning", "remove it"));
  } else {
    out.push_back(error_at(file, member.mark, message, "did you mean '" + near + "'?"));
  }
}

}  // namespace flagmesh::flags
