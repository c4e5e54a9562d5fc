// A JSON value that knows where it was written. One tree type for flag files, configuration files
// and API bodies.
//
// A value type: copied deep, never changed after it was made, no thread affinity. Strings are
// UTF-8. A value that came from a reader (read_json.h, yaml.h) carries the mark of its first
// character; one made by code has the mark 0:0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flagmesh::flags {

// Position in a text: line and column from 1 (columns count bytes); 0:0 = not from a text.
struct Mark {
  uint32_t line = 0;
  uint32_t column = 0;
};

struct JsonMember;

class JsonValue {
 public:
  enum class Type : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  using Array = std::vector<JsonValue>;
  using Object = std::vector<JsonMember>;  // in file order; names are unique when a reader made it

  JsonValue() = default;  // null
  JsonValue(std::nullptr_t) {}
  template <class B>
  requires std::is_same_v<B, bool> JsonValue(B value, Mark mark = {})
      : value_(value), mark_(mark) {}
  JsonValue(double value, Mark mark = {}) : value_(value), mark_(mark) {}
  JsonValue(int value) : value_(static_cast<double>(value)) {}
  JsonValue(std::string value, Mark mark = {}) : value_(std::move(value)), mark_(mark) {}
  JsonValue(std::string_view value) : value_(std::string(value)) {}
  JsonValue(const char* value) : value_(std::string(value)) {}
  JsonValue(Array value, Mark mark = {});
  JsonValue(Object value, Mark mark = {});
  static JsonValue null_at(Mark mark);

  Type type() const { return static_cast<Type>(value_.index()); }
  bool is_null() const { return type() == Type::kNull; }
  bool is_bool() const { return type() == Type::kBool; }
  bool is_number() const { return type() == Type::kNumber; }
  bool is_string() const { return type() == Type::kString; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_object() const { return type() == Type::kObject; }

  // REQUIRES: the value has that type.
  bool boolean() const { return *std::get_if<bool>(&value_); }
  double number() const { return *std::get_if<double>(&value_); }
  const std::string& string() const { return *std::get_if<std::string>(&value_); }
  const Array& array() const { return *std::get_if<Array>(&value_); }
  const Object& object() const { return *std::get_if<Object>(&value_); }

  // The number when it is whole and within ±2^53; nothing otherwise, and nothing for other types.
  std::optional<int64_t> integer() const;

  // The member of that name; null pointer when there is none or this is no object.
  const JsonValue* find(std::string_view name) const;

  Mark mark() const { return mark_; }

  // Same type and content; marks and the order of members do not count.
  friend bool operator==(const JsonValue& a, const JsonValue& b);

 private:
  std::variant<std::monostate, bool, double, std::string, Array, Object> value_;
  Mark mark_;
};

struct JsonMember {
  std::string name;
  JsonValue value;
  Mark mark = {};  // of the name
};

// "null", "boolean", "number", "string", "array", "object".
std::string_view type_name(JsonValue::Type type);

}  // namespace flagmesh::flags
