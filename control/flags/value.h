// A value while targeting is evaluated: 16 bytes that own nothing. What they point to belongs to
// the program (constants), the context or the evaluation's arena.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "control/flags/context.h"
#include "control/flags/json_value.h"

namespace flagmesh::flags {

class Value {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kList, kJsonArray, kObject };

  Value() : number_(0) {}
  explicit Value(bool boolean) : kind_(Kind::kBool), boolean_(boolean) {}
  explicit Value(double number) : kind_(Kind::kNumber), number_(number) {}
  explicit Value(std::string_view text)
      : kind_(Kind::kString), size_(static_cast<uint32_t>(text.size())), text_(text.data()) {}
  // A list that the evaluation made.
  explicit Value(std::span<const Value> items)
      : kind_(Kind::kList), size_(static_cast<uint32_t>(items.size())), items_(items.data()) {}
  static Value from(const JsonValue& json);
  static Value from(const ContextValue& value);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_list() const { return kind_ == Kind::kList || kind_ == Kind::kJsonArray; }
  bool is_object() const { return kind_ == Kind::kObject; }

  // REQUIRES: the value is of that kind.
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  std::string_view text() const { return {text_, size_}; }
  const JsonValue& object() const { return *json_; }

  // The same list or object, not an equal one. REQUIRES: both are of one kind, list or object.
  bool same_as(const Value& other) const { return json_ == other.json_ && size_ == other.size_; }

  // Of a list of either kind. REQUIRES: is_list(), i < size().
  size_t size() const { return kind_ == Kind::kJsonArray ? json_->array().size() : size_; }
  Value at(size_t i) const {
    return kind_ == Kind::kJsonArray ? from(json_->array()[i]) : items_[i];
  }

 private:
  explicit Value(Kind kind, const JsonValue* json) : kind_(kind), json_(json) {}

  Kind kind_ = Kind::kNull;
  uint32_t size_ = 0;
  union {
    bool boolean_;
    double number_;
    const char* text_;
    const Value* items_;
    const JsonValue* json_;
  };
};

}  // namespace flagmesh::flags
