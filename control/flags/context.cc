#include "control/flags/context.h"

#include <charconv>

namespace flagmesh::flags {

namespace {

const JsonValue* step(const JsonValue& value, std::string_view name) noexcept {
  if (!value.is_array()) return value.find(name);
  size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size() || index >= value.array().size())
    return nullptr;
  return &value.array()[index];
}

}  // namespace

ContextPath ContextPath::of(std::string_view text) {
  const size_t dot = text.find('.');
  return ContextPath{text, dot == text.npos ? text.size() : dot};
}

const JsonValue* find_path(const JsonValue& root, std::string_view path) noexcept {
  const JsonValue* value = &root;
  while (value != nullptr && !path.empty()) {
    const size_t dot = path.find('.');
    value = step(*value, path.substr(0, dot));
    path = dot == path.npos ? std::string_view() : path.substr(dot + 1);
  }
  return value;
}

std::optional<std::string_view> JsonContext::targeting_key() const noexcept {
  const JsonValue* key = object_.find("targetingKey");
  if (key == nullptr || !key->is_string()) return std::nullopt;
  return key->string();
}

ContextValue JsonContext::lookup(const ContextPath& path) const noexcept {
  return find_path(object_, path.text);
}

}  // namespace flagmesh::flags
