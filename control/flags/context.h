// The facts that a flag's targeting may ask for. The router reads them lazily from the request;
// OFREP and tests have JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/flags/json_value.h"

namespace flagmesh::flags {

// A value that somebody else owns, valid until the evaluation returns.
class ContextValue {
 public:
  ContextValue() = default;  // absent: targeting sees null
  ContextValue(std::string_view text) : kind_(Kind::kString), text_(text) {}
  ContextValue(double number) : kind_(Kind::kNumber), number_(number) {}
  explicit ContextValue(bool boolean) : kind_(Kind::kBool), boolean_(boolean) {}
  ContextValue(const JsonValue* json)
      : kind_(json == nullptr ? Kind::kAbsent : Kind::kJson), json_(json) {}

  enum class Kind : uint8_t { kAbsent, kBool, kNumber, kString, kJson };
  Kind kind() const { return kind_; }
  bool boolean() const { return boolean_; }
  double number() const { return number_; }
  std::string_view text() const { return text_; }
  const JsonValue* json() const { return json_; }

 private:
  Kind kind_ = Kind::kAbsent;
  union {
    bool boolean_;
    double number_;
    std::string_view text_ = {};
    const JsonValue* json_;
  };
};

// What a `var` names, split once when the flag is compiled: "header.x-user-id" has head "header"
// and tail "x-user-id".
struct ContextPath {
  std::string_view text;  // the flag's, or whoever's made it
  std::string_view head() const { return text.substr(0, head_size); }
  std::string_view tail() const {
    return head_size == text.size() ? std::string_view() : text.substr(head_size + 1);
  }
  size_t head_size = 0;  // up to the first '.'

  // REQUIRES: `text` outlives it.
  static ContextPath of(std::string_view text);
};

// Lives for one evaluation on one thread. `targetingKey`, `$flagd.flagKey` and `$flagd.timestamp`
// are never asked through lookup().
class EvaluationContext {
 public:
  virtual ~EvaluationContext() = default;

  // Nothing when the request has none (then a `fractional` without an input of its own yields the
  // default).
  virtual std::optional<std::string_view> targeting_key() const noexcept = 0;

  // The value at a path; absent when there is none. The empty path asks for the whole context:
  // absent when it has no such form.
  virtual ContextValue lookup(const ContextPath& path) const noexcept = 0;

  // For `$flagd.timestamp`: seconds since 1970 UTC. The router passes its cached time.
  virtual int64_t unix_seconds() const noexcept = 0;
};

// A context that is a JSON object, as OFREP clients send it: `targetingKey` is a member like any
// other; paths walk objects by name and arrays by index.
class JsonContext : public EvaluationContext {
 public:
  // REQUIRES: `object` is an object and outlives this. `unix_seconds` is the time of the
  // evaluation.
  JsonContext(const JsonValue& object, int64_t unix_seconds)
      : object_(object), unix_seconds_(unix_seconds) {}

  std::optional<std::string_view> targeting_key() const noexcept override;
  ContextValue lookup(const ContextPath& path) const noexcept override;
  int64_t unix_seconds() const noexcept override { return unix_seconds_; }

 private:
  const JsonValue& object_;
  int64_t unix_seconds_;
};

// The value at a dotted path below `root` (arrays by index); null pointer when there is none. The
// empty path is `root` itself.
const JsonValue* find_path(const JsonValue& root, std::string_view path) noexcept;

}  // namespace flagmesh::flags
