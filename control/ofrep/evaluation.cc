#include "control/ofrep/evaluation.h"

#include "control/flags/canonical_json.h"
#include "control/flags/read_json.h"

namespace flagmesh::ofrep {

using flags::append_canonical_json;
using flags::append_json_string;
using flags::JsonValue;

namespace {

constexpr flags::ReadLimits kLimits{kBodyBytes, kBodyDepth, kBodyValues, 0};

// Members of one object; names are plain letters.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_.push_back('{'); }
  void end() { out_.push_back('}'); }

  std::string& name(std::string_view name) {
    if (!first_) out_.push_back(',');
    first_ = false;
    out_.append("\"").append(name).append("\":");
    return out_;
  }
  void text(std::string_view member, std::string_view value) {
    append_json_string(value, name(member));
  }
  void number(std::string_view member, uint64_t value) {
    name(member).append(std::to_string(value));
  }
  void value(const flags::JsonMember& member) {
    if (!first_) out_.push_back(',');
    first_ = false;
    append_json_string(member.name, out_);
    out_.push_back(':');
    append_canonical_json(member.value, out_);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

// OFREP's metadata are texts, numbers and booleans.
bool is_plain(const JsonValue& value) {
  return value.is_string() || value.is_number() || value.is_bool();
}

void append_all(const JsonValue* from, const JsonValue& over, Members& out) {
  if (from == nullptr || !from->is_object()) return;
  for (const flags::JsonMember& member : from->object()) {
    if (is_plain(member.value) && over.find(member.name) == nullptr) out.value(member);
  }
}

void append_explanation(const flags::BucketTrace& trace, Members& out) {
  if (trace.rule_count != 0) out.text("flagmesh.rule", flags::rule_pointer(trace));
  if (!trace.decided) return;
  out.number("flagmesh.bucket", trace.bucket);
  out.number("flagmesh.buckets", trace.total_weight);
  out.number("flagmesh.bucketFrom", trace.first);
  out.number("flagmesh.bucketTo", trace.end - 1);
  out.number("flagmesh.hash", trace.hash);
}

void append_metadata(const flags::CompiledFlag& flag, const EvaluateOptions& options,
                     const flags::BucketTrace& trace, Members& out) {
  const bool any = options.explain || options.stale || flag.metadata().is_object() ||
                   options.set_metadata != nullptr;
  if (!any) return;
  Members metadata(out.name("metadata"));
  static const JsonValue kNothing;
  append_all(options.set_metadata, flag.metadata(), metadata);
  append_all(&flag.metadata(), kNothing, metadata);
  if (options.stale) metadata.name("flagmesh.stale").append("true");
  if (options.explain) append_explanation(trace, metadata);
  metadata.end();
}

Failure failure_of(const flags::CompiledFlag& flag, const flags::Evaluation& result,
                   const Context& context) {
  if (result.error == flags::ErrorCode::kParseError) {
    return {400, "PARSE_ERROR", "the flag's targeting has an operation that does not exist"};
  }
  if (result.error != flags::ErrorCode::kNone) {
    return {500, "GENERAL", "the flag's targeting gave no variant of the flag"};
  }
  if (result.variant == nullptr && result.reason == flags::Reason::kDefault &&
      flag.needs_targeting_key() && !context.has_targeting_key()) {
    return {400, "TARGETING_KEY_MISSING", "the flag splits by targetingKey and has no default"};
  }
  return {200, {}, {}};
}

}  // namespace

std::expected<Context, Failure> Context::parse(std::string_view body) {
  Context context;
  if (body.empty()) return context;
  auto parsed = flags::parse_json(body, kLimits);
  if (!parsed) {
    const Error& error = parsed.error();
    return std::unexpected(Failure{400, "PARSE_ERROR",
                                   "the body is no JSON: " + error.message +
                                       (error.place.empty() ? "" : " (" + error.place + ")")});
  }
  if (!parsed->is_object()) {
    return std::unexpected(Failure{400, "PARSE_ERROR", "the body is no JSON object"});
  }
  const JsonValue* object = parsed->find("context");
  if (object != nullptr && !object->is_null()) {
    if (!object->is_object()) {
      return std::unexpected(Failure{400, "INVALID_CONTEXT", "'context' is no object"});
    }
    const JsonValue* key = object->find("targetingKey");
    if (key != nullptr && !key->is_null() && !key->is_string()) {
      return std::unexpected(Failure{400, "INVALID_CONTEXT", "'targetingKey' is no text"});
    }
  }
  context.body_ = std::move(*parsed);
  return context;
}

const JsonValue& Context::object() const {
  static const JsonValue kEmpty(JsonValue::Object{});
  const JsonValue* object = body_.find("context");
  return object == nullptr || object->is_null() ? kEmpty : *object;
}

bool Context::has_targeting_key() const {
  const JsonValue* key = object().find("targetingKey");
  return key != nullptr && key->is_string();
}

uint16_t append_evaluation(const flags::CompiledFlag& flag, const Context& context,
                           int64_t unix_seconds, const EvaluateOptions& options, std::string& out) {
  flags::BucketTrace trace;
  const flags::JsonContext facts(context.object(), unix_seconds);
  const flags::Evaluation result = flag.evaluate(facts, options.explain ? &trace : nullptr);
  const Failure failure = failure_of(flag, result, context);
  Members members(out);
  if (failure.status != 200) {
    members.text("errorCode", failure.code);
    members.text("errorDetails", failure.details);
    members.text("key", flag.key());
  } else {
    members.text("key", flag.key());
    members.text("reason", flags::reason_name(result.reason));
    if (result.variant != nullptr) {
      append_canonical_json(result.variant->value, members.name("value"));
      members.text("variant", result.variant->name);
    }
  }
  append_metadata(flag, options, trace, members);
  members.end();
  return failure.status;
}

std::string failure_json(const Failure& failure, std::string_view key) {
  std::string out;
  Members members(out);
  members.text("errorCode", failure.code);
  members.text("errorDetails", failure.details);
  if (!key.empty()) members.text("key", key);
  members.end();
  return out;
}

}  // namespace flagmesh::ofrep
