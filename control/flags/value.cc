#include "control/flags/value.h"

namespace flagmesh::flags {

Value Value::from(const JsonValue& json) {
  switch (json.type()) {
    case JsonValue::Type::kNull:
      return Value();
    case JsonValue::Type::kBool:
      return Value(json.boolean());
    case JsonValue::Type::kNumber:
      return Value(json.number());
    case JsonValue::Type::kString:
      return Value(std::string_view(json.string()));
    case JsonValue::Type::kArray:
      return Value(Kind::kJsonArray, &json);
    case JsonValue::Type::kObject:
      return Value(Kind::kObject, &json);
  }
  return Value();
}

Value Value::from(const ContextValue& value) {
  switch (value.kind()) {
    case ContextValue::Kind::kAbsent:
      return Value();
    case ContextValue::Kind::kBool:
      return Value(value.boolean());
    case ContextValue::Kind::kNumber:
      return Value(value.number());
    case ContextValue::Kind::kString:
      return Value(value.text());
    case ContextValue::Kind::kJson:
      return from(*value.json());
  }
  return Value();
}

}  // namespace flagmesh::flags
