#include "control/flags/json_value.h"

#include <array>
#include <cmath>

namespace flagmesh::flags {

JsonValue::JsonValue(Array value, Mark mark) : value_(std::move(value)), mark_(mark) {}

JsonValue::JsonValue(Object value, Mark mark) : value_(std::move(value)), mark_(mark) {}

JsonValue JsonValue::null_at(Mark mark) {
  JsonValue value;
  value.mark_ = mark;
  return value;
}

std::optional<int64_t> JsonValue::integer() const {
  constexpr double kLargest = 9007199254740992.0;  // 2^53
  if (!is_number()) return std::nullopt;
  const double value = number();
  if (!(std::abs(value) <= kLargest) || value != std::trunc(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

const JsonValue* JsonValue::find(std::string_view name) const {
  if (!is_object()) return nullptr;
  for (const JsonMember& member : object()) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

bool operator==(const JsonValue& a, const JsonValue& b) {
  if (a.type() != b.type()) return false;
  if (!a.is_object()) return a.value_ == b.value_;
  if (a.object().size() != b.object().size()) return false;
  for (const JsonMember& member : a.object()) {
    const JsonValue* other = b.find(member.name);
    if (other == nullptr || !(*other == member.value)) return false;
  }
  return true;
}

// std::variant compares alternatives with their own ==; objects never get there (above), but it
// must compile.
static bool operator==(const JsonMember& a, const JsonMember& b) {
  return a.name == b.name && a.value == b.value;
}

std::string_view type_name(JsonValue::Type type) {
  static constexpr std::array<std::string_view, 6> kNames = {"null",   "boolean", "number",
                                                             "string", "array",   "object"};
  return kNames[static_cast<size_t>(type)];
}

}  // namespace flagmesh::flags
