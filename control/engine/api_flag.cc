#include "control/engine/api_flag.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "control/flags/canonical_flag.h"
#include "control/flags/prerequisites.h"
#include "merkle/hash.h"
#include "proxy/http/tokens.h"

namespace flagmesh::engine {

using flags::JsonMember;
using flags::JsonValue;

namespace {

constexpr size_t kTagLetters = 32;

// Values of our parameters are numbers and words: nothing is escaped.
std::string_view query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    }
  }
  return {};
}

}  // namespace

JsonValue editable_form(const flags::FlagDefinition& flag) {
  if (flag.prerequisites.empty()) return flags::flagd_form(flag);
  flags::FlagDefinition own = flag;
  own.targeting = flag.own_targeting;
  JsonValue::Object members = flags::flagd_form(own).object();
  members.push_back({"prerequisites", flags::prerequisites_json(flag.prerequisites)});
  return JsonValue(std::move(members));
}

JsonValue::Object flag_json(const FlagStore::Flag& flag) {
  JsonValue::Object object;
  object.push_back({"flag", editable_form(flag.definition)});
  object.push_back({"owner", owner_name(flag.owner)});
  if (const auto weights = flags::rollout_of(flag.definition)) {
    JsonValue::Object rollout;
    for (const auto& [name, weight] : *weights)
      rollout.push_back({name, static_cast<double>(weight)});
    object.push_back({"rollout", JsonValue(std::move(rollout))});
  }
  return object;
}

std::string flag_tag(const FlagStore::Flag& flag) {
  std::string text = flag.canonical;
  text.append("\n").append(owner_name(flag.owner));
  return "\"" + merkle::sha256(text).hex().substr(0, kTagLetters) + "\"";
}

bool matches_tag(std::string_view condition, std::string_view tag) {
  if (tag.empty()) return false;
  http::CommaList list(condition);
  std::string_view item;
  while (list.next(item)) {
    if (item == tag || item == "*") return true;
  }
  return false;
}

JsonValue merge_patch(const JsonValue& target, const JsonValue& patch) {
  if (!patch.is_object()) return patch;
  JsonValue::Object merged = target.is_object() ? target.object() : JsonValue::Object();
  for (const JsonMember& member : patch.object()) {
    const auto at = std::ranges::find(merged, member.name, &JsonMember::name);
    if (member.value.is_null()) {
      if (at != merged.end()) merged.erase(at);
    } else if (at != merged.end()) {
      at->value = merge_patch(at->value, member.value);
    } else {
      merged.push_back({member.name, merge_patch(JsonValue(), member.value)});
    }
  }
  return JsonValue(std::move(merged));
}

size_t query_number(std::string_view query, std::string_view name, size_t otherwise, size_t most) {
  const std::string_view text = query_value(query, name);
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole ? std::min(number, most) : otherwise;
}

bool query_flag(std::string_view query, std::string_view name) {
  const std::string_view text = query_value(query, name);
  return text == "true" || text == "1";
}

}  // namespace flagmesh::engine
