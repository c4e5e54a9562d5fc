#include "control/flags/canonical_flag.h"

#include <algorithm>
#include <array>

#include "control/flags/canonical_json.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {

namespace {

std::string_view state_name(FlagState state) {
  return state == FlagState::kEnabled ? "ENABLED" : "DISABLED";
}

JsonValue variants_of(const FlagDefinition& flag) {
  JsonValue::Object variants;
  for (const Variant& variant : flag.variants) variants.push_back({variant.name, variant.value});
  return variants;
}

bool empty(const JsonValue& value) {
  return value.is_null() || (value.is_object() && value.object().empty());
}

// The members that export and canonical form share.
JsonValue::Object common_members(const FlagDefinition& flag) {
  JsonValue::Object members = {{"state", state_name(flag.state)}, {"variants", variants_of(flag)}};
  if (flag.default_variant) members.push_back({"defaultVariant", *flag.default_variant});
  if (!empty(flag.targeting)) members.push_back({"targeting", flag.targeting});
  if (!empty(flag.metadata)) members.push_back({"metadata", flag.metadata});
  return members;
}

std::unexpected<Error> bad(std::string message) {
  return fail("bad_flag", std::move(message));
}

const std::string* text_member(const JsonValue& root, std::string_view name) {
  const JsonValue* value = root.find(name);
  return value != nullptr && value->is_string() ? &value->string() : nullptr;
}

Status read_names(const JsonValue& root, FlagDefinition& flag) {
  for (const auto& [name, where] : {std::pair{"tenant", &flag.tenant}, std::pair{"key", &flag.key},
                                    std::pair{"bucketing", &flag.bucketing}}) {
    const std::string* text = text_member(root, name);
    if (text == nullptr || text->empty()) return bad(std::string("no '") + name + "'");
    *where = *text;
  }
  if (flag.tenant.size() > kTenantBytes || flag.key.size() > kFlagKeyBytes)
    return bad("the tenant's name or the key is too long");
  if (flag.bucketing != kBucketingV2)
    return bad("unknown bucketing algorithm '" + flag.bucketing + "'");
  const std::string* state = text_member(root, "state");
  if (state == nullptr || (*state != "ENABLED" && *state != "DISABLED"))
    return bad("'state' is neither ENABLED nor DISABLED");
  flag.state = *state == "ENABLED" ? FlagState::kEnabled : FlagState::kDisabled;
  return {};
}

Status read_variants(const JsonValue& root, FlagDefinition& flag) {
  const JsonValue* variants = root.find("variants");
  if (variants == nullptr || !variants->is_object() || variants->object().empty() ||
      variants->object().size() > kVariants) {
    return bad("'variants' is not a map of 1 to 1000 variants");
  }
  for (const JsonMember& member : variants->object()) {
    if (member.name.empty() || member.name.size() > kVariantNameBytes || member.value.is_null() ||
        member.value.is_array()) {
      return bad("variant '" + member.name + "' is not allowed");
    }
    flag.variants.push_back(Variant{member.name, member.value});
  }
  if (root.find("defaultVariant") == nullptr) return {};
  const std::string* name = text_member(root, "defaultVariant");
  if (name == nullptr || !flag.variant_index(*name))
    return bad("'defaultVariant' is not one of the variants");
  flag.default_variant = *name;
  return {};
}

Status check_members(const JsonValue& root) {
  static constexpr std::array<std::string_view, 8> kMembers = {
      "bucketing", "defaultVariant", "key", "metadata", "state", "targeting", "tenant", "variants"};
  if (!root.is_object()) return bad("not an object");
  for (const JsonMember& member : root.object()) {
    if (std::ranges::find(kMembers, member.name) == kMembers.end())
      return bad("unknown member '" + member.name + "'");
  }
  for (const char* name : {"metadata", "targeting"}) {
    const JsonValue* value = root.find(name);
    if (value != nullptr && empty(*value))
      return bad(std::string("'") + name + "' is empty: it must be left out");
  }
  const JsonValue* metadata = root.find("metadata");
  if (metadata != nullptr && !metadata->is_object()) return bad("'metadata' is not an object");
  return {};
}

ReadLimits flag_limits() {
  // Targeting is the second level of the flag, and metadata and variants are as deep as a flag file
  // allows.
  return {
      .bytes = kCanonicalFlagBytes, .depth = ReadLimits().depth + 2, .nodes = kCanonicalFlagBytes};
}

}  // namespace

std::string canonical_flag(const FlagDefinition& flag) {
  JsonValue::Object members = common_members(flag);
  members.push_back({"bucketing", flag.bucketing});
  members.push_back({"key", flag.key});
  members.push_back({"tenant", flag.tenant});
  return canonical_json(JsonValue(std::move(members)));
}

JsonValue flagd_form(const FlagDefinition& flag) {
  return common_members(flag);
}

Result<FlagDefinition> parse_canonical_flag(std::string_view json) {
  const auto root = parse_json(json, flag_limits());
  if (!root) return fail("bad_flag", root.error().message, root.error().place);
  FlagDefinition flag;
  if (auto members = check_members(*root); !members) return std::unexpected(members.error());
  if (auto names = read_names(*root, flag); !names) return std::unexpected(names.error());
  if (auto variants = read_variants(*root, flag); !variants)
    return std::unexpected(variants.error());
  if (const JsonValue* targeting = root->find("targeting")) flag.targeting = *targeting;
  if (const JsonValue* metadata = root->find("metadata")) flag.metadata = *metadata;
  if (canonical_flag(flag) != json) return bad("flag '" + flag.key + "' is not in canonical form");
  return flag;
}

std::string canonical_flag_set_metadata(const FlagSet& set) {
  if (empty(set.metadata)) return {};
  return canonical_json(
      JsonValue(JsonValue::Object{{"metadata", set.metadata}, {"tenant", set.tenant}}));
}

Result<JsonValue> parse_canonical_flag_set_metadata(std::string_view json,
                                                    std::string_view tenant) {
  const auto root = parse_json(json, flag_limits());
  if (!root) return fail("bad_flag", root.error().message, root.error().place);
  const JsonValue* metadata = root->find("metadata");
  if (metadata == nullptr || !metadata->is_object() || empty(*metadata))
    return bad("no 'metadata'");
  const FlagSet set{
      .tenant = std::string(tenant), .flags = {}, .metadata = *metadata, .evaluators = {}};
  if (canonical_flag_set_metadata(set) != json)
    return bad("flag-set metadata are not in canonical form or of another tenant");
  return *metadata;
}

}  // namespace flagmesh::flags
