#include "lockfile/diff.h"

#include <algorithm>
#include <map>

#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/json_value.h"
#include "control/flags/read_json.h"
#include "lockfile/flag_index.h"

namespace flagmesh::lockfile {

namespace {

using flags::JsonValue;
using Kind = FlagChange::Kind;

std::string member_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

// Recursion is bounded by the depth that the reader allows.
void compare(const std::string& path, const JsonValue* before, const JsonValue* after,
             std::vector<FieldChange>& changes) {
  if (before && after && *before == *after) return;
  if (before && after && before->is_object() && after->is_object()) {
    std::map<std::string, std::pair<const JsonValue*, const JsonValue*>> members;
    for (const auto& member : before->object()) members[member.name].first = &member.value;
    for (const auto& member : after->object()) members[member.name].second = &member.value;
    for (const auto& [name, values] : members)
      compare(member_path(path, name), values.first, values.second, changes);
    return;
  }
  // Arrays of different lengths are shown whole: without a common beginning or end, telling which
  // element was put in is guessing.
  if (before && after && before->is_array() && after->is_array() &&
      before->array().size() == after->array().size()) {
    for (size_t i = 0; i < before->array().size(); i++)
      compare(path + "[" + std::to_string(i) + "]", &before->array()[i], &after->array()[i],
              changes);
    return;
  }
  changes.push_back({path, before ? flags::canonical_json(*before) : "",
                     after ? flags::canonical_json(*after) : ""});
}

struct PlacedJson {
  std::string_view json;
  std::string_view file;
};

// Metadata is under the empty key, as in the tree.
Result<std::map<std::string_view, PlacedJson>> index_json(const FlagSetInput& input) {
  std::map<std::string_view, PlacedJson> index;
  if (!input.metadata_json.empty()) index[""] = {input.metadata_json, {}};
  for (const FlagInput& flag : input.flags) {
    if (!index.emplace(flag.key, PlacedJson{flag.json, flag.file}).second)
      return fail("duplicate_key", "flag " + flag.key + " is there twice", flag.file);
  }
  return index;
}

// Walks two maps with the same keys' type in order. `same` says whether two entries are equal.
template <class Map, class Same>
std::vector<FlagChange> merge(const Map& before, const Map& after, const Same& same) {
  std::vector<FlagChange> changes;
  for (const auto& [key, entry] : before) {
    auto now = after.find(key);
    if (now == after.end()) {
      changes.push_back({Kind::kRemoved, std::string(key), std::string(entry.file)});
    } else if (!same(entry, now->second)) {
      changes.push_back({Kind::kChanged, std::string(key), std::string(now->second.file)});
    }
  }
  for (const auto& [key, entry] : after) {
    if (!before.contains(key))
      changes.push_back({Kind::kAdded, std::string(key), std::string(entry.file)});
  }
  std::sort(changes.begin(), changes.end(),
            [](const FlagChange& a, const FlagChange& b) { return a.key < b.key; });
  return changes;
}

std::unexpected<Error> wrong_tenant(const std::string& before, const std::string& after) {
  return fail("wrong_tenant", "tenant " + before + " cannot be compared with " + after);
}

std::string shown(const std::string& value) {
  return value.empty() ? "nothing" : value;
}

// "users: 10% get another variant", "users: up to 100% get another variant".
std::string users_line(const flags::MovedShare& moved) {
  if (moved.ppm == 0) return "    users: none gets another variant\n";
  std::string share = std::to_string(moved.ppm / 10'000);
  const uint32_t rest = moved.ppm % 10'000;
  if (rest != 0) {
    std::string digits = std::to_string(rest + 10'000).substr(1);
    while (digits.back() == '0') digits.pop_back();
    share += "." + digits;
  }
  return std::string("    users: ") + (moved.exact ? "" : "up to ") + share +
         "% get another variant\n";
}

// Texts that are no flags (tests, older canonical forms) say nothing of users.
std::optional<flags::MovedShare> moved_between(std::string_view before, std::string_view after) {
  const auto old_flag = flags::parse_canonical_flag(before);
  if (!old_flag) return std::nullopt;
  if (after.empty()) return flags::moved_share(&*old_flag, nullptr);
  const auto new_flag = flags::parse_canonical_flag(after);
  if (!new_flag) return std::nullopt;
  return flags::moved_share(&*old_flag, &*new_flag);
}

}  // namespace

std::string FlagChange::text() const {
  const char sign = kind == Kind::kAdded ? '+' : kind == Kind::kRemoved ? '-' : '~';
  std::string text = std::string(1, sign) + ' ' + (key.empty() ? "flag set metadata" : key);
  if (!file.empty()) text += " (" + file + ")";
  text += '\n';
  for (const FieldChange& field : fields)
    text += "    " + field.path + ": " + shown(field.before) + " -> " + shown(field.after) + '\n';
  if (moved) text += users_line(*moved);
  return text;
}

Result<std::vector<FieldChange>> diff_json(std::string_view before, std::string_view after) {
  Result<JsonValue> old_value = flags::parse_json(before), new_value = flags::parse_json(after);
  if (!old_value) return std::unexpected(old_value.error());
  if (!new_value) return std::unexpected(new_value.error());
  std::vector<FieldChange> changes;
  compare("", &*old_value, &*new_value, changes);
  return changes;
}

Result<std::vector<FlagChange>> diff_locks(const Lock& before, const Lock& after) {
  if (before.tenant != after.tenant) return wrong_tenant(before.tenant, after.tenant);
  if (before.openings != after.openings)
    return fail("wrong_secret", "the locks were made with different tenant secrets");
  FlagIndex old_flags = index_flags(before), new_flags = index_flags(after);
  if (before.metadata) old_flags[""] = {*before.metadata, {}};
  if (after.metadata) new_flags[""] = {*after.metadata, {}};
  return merge(old_flags, new_flags,
               [](const PlacedFlag& a, const PlacedFlag& b) { return a.leaf == b.leaf; });
}

Result<std::vector<FlagChange>> diff_flags(const FlagSetInput& before, const FlagSetInput& after) {
  if (before.tenant != after.tenant) return wrong_tenant(before.tenant, after.tenant);
  auto old_flags = index_json(before), new_flags = index_json(after);
  if (!old_flags) return std::unexpected(old_flags.error());
  if (!new_flags) return std::unexpected(new_flags.error());
  std::vector<FlagChange> changes =
      merge(*old_flags, *new_flags,
            [](const PlacedJson& a, const PlacedJson& b) { return a.json == b.json; });
  for (FlagChange& change : changes) {
    if (change.kind == Kind::kRemoved && !change.key.empty()) {
      change.moved = moved_between((*old_flags)[change.key].json, {});
    }
    if (change.kind != Kind::kChanged) continue;
    if (!change.key.empty()) {
      change.moved =
          moved_between((*old_flags)[change.key].json, (*new_flags)[change.key].json);
    }
    Result<std::vector<FieldChange>> fields =
        diff_json((*old_flags)[change.key].json, (*new_flags)[change.key].json);
    if (!fields) return std::unexpected(fields.error());
    change.fields = std::move(*fields);
  }
  return changes;
}

}  // namespace flagmesh::lockfile
