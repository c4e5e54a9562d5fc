// OFREP's requests and results as JSON, apart from HTTP (OFREP 0.3, service/openapi.yaml).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "control/flags/compiled_flag.h"
#include "control/flags/json_value.h"

namespace flagmesh::ofrep {

// Bytes, levels and values of a request's body.
inline constexpr size_t kBodyBytes = 256 * 1024;
inline constexpr size_t kBodyDepth = 32;
inline constexpr size_t kBodyValues = 20'000;

// What went wrong, in OpenFeature's words. `code` is a literal.
struct Failure {
  uint16_t status = 400;
  std::string_view code;  // "PARSE_ERROR", "INVALID_CONTEXT", ...
  std::string details;
};

// A request's evaluation context: an object. Owns it.
class Context {
 public:
  // A body without `context`, or no body at all, is an empty context; members that OFREP does not
  // name are ignored. PARSE_ERROR: no JSON, too large, a name twice. INVALID_CONTEXT: not an
  // object, or its targetingKey is no text.
  static std::expected<Context, Failure> parse(std::string_view body);

  const flags::JsonValue& object() const;
  bool has_targeting_key() const;

 private:
  flags::JsonValue body_;
};

struct EvaluateOptions {
  bool explain = false;                            // rule and bucket as metadata
  bool stale = false;                              // says so as metadata
  const flags::JsonValue* set_metadata = nullptr;  // merged under the flag's own; may be null
};

// Appends the flag's result to `out`: an evaluationSuccess (without value and variant when there is
// none to serve: disabled, or the caller's default), or an evaluationFailure. The result is the
// HTTP status that a single evaluation has with it.
//
// TARGETING_KEY_MISSING is given where flagd would give nothing: the flag splits, the context has
// no key, and there is no default variant either. PARSE_ERROR: targeting that flagd cannot
// evaluate.
uint16_t append_evaluation(const flags::CompiledFlag& flag, const Context& context,
                           int64_t unix_seconds, const EvaluateOptions& options, std::string& out);

// {"errorCode":…,"errorDetails":…,"key":…}; without the key when it is empty.
std::string failure_json(const Failure& failure, std::string_view key = {});

}  // namespace flagmesh::ofrep
