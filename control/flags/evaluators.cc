#include "control/flags/evaluators.h"

#include <algorithm>
#include <vector>

#include "control/flags/model.h"
#include "control/flags/read_json.h"
#include "control/flags/report.h"

namespace flagmesh::flags {

namespace {

class Inliner {
 public:
  Inliner(const JsonValue& evaluators, const std::string& file, Diagnostics& out)
      : evaluators_(evaluators), file_(file), out_(out) {}

  JsonValue expand(const JsonValue& value, size_t depth) {
    if (!ok_) return {};
    if (depth > kTargetingDepth)
      return refuse(value.mark(),
                    "targeting nests deeper than " + std::to_string(kTargetingDepth) + " levels");
    if (++nodes_ > kTargetingNodes)
      return refuse(value.mark(),
                    "targeting has more than " + std::to_string(kTargetingNodes) + " values");
    if (value.is_array()) {
      JsonValue::Array items;
      items.reserve(value.array().size());
      for (const JsonValue& item : value.array()) items.push_back(expand(item, depth + 1));
      return JsonValue(std::move(items), value.mark());
    }
    if (value.is_object()) return expand_object(value, depth);
    return value;
  }

  bool ok() const { return ok_; }

 private:
  JsonValue expand_object(const JsonValue& value, size_t depth) {
    JsonValue::Object members;
    for (const JsonMember& member : value.object()) {
      if (member.name == "$ref" && member.value.is_string()) {
        splice(member, depth, members);
      } else {
        members.push_back(JsonMember{member.name, expand(member.value, depth + 1), member.mark});
      }
      if (!ok_) return {};
    }
    if (const JsonMember* twin = repeated_name(members)) {
      return refuse(value.mark(), "after its $ref is put in, '" + twin->name + "' appears twice");
    }
    return JsonValue(std::move(members), value.mark());
  }

  void splice(const JsonMember& ref, size_t depth, JsonValue::Object& members) {
    const std::string& name = ref.value.string();
    const JsonValue* evaluator = evaluators_.find(name);
    if (evaluator == nullptr) {
      report_missing(ref);
      members.push_back(ref);
      return;
    }
    if (std::ranges::find(open_, name) != open_.end()) {
      refuse(ref.mark, "evaluator '" + name + "' refers to itself");
      return;
    }
    open_.push_back(name);
    const JsonValue expanded = expand(*evaluator, depth);
    open_.pop_back();
    if (!ok_) return;
    for (const JsonMember& member : expanded.object()) members.push_back(member);
  }

  void report_missing(const JsonMember& ref) {
    std::vector<std::string> names;
    if (evaluators_.is_object()) {
      for (const JsonMember& member : evaluators_.object()) names.push_back(member.name);
    }
    const std::string near = nearest(ref.value.string(), names);
    out_.push_back(
        warning_at(file_, ref.value.mark(),
                   "no evaluator '" + ref.value.string() + "': evaluation will end in PARSE_ERROR",
                   near.empty() ? "add it to '$evaluators'" : "did you mean '" + near + "'?"));
  }

  JsonValue refuse(Mark mark, std::string message) {
    if (ok_) out_.push_back(error_at(file_, mark, std::move(message)));
    ok_ = false;
    return {};
  }

  const JsonValue& evaluators_;
  const std::string& file_;
  Diagnostics& out_;
  std::vector<std::string> open_;  // evaluators that are being put in
  size_t nodes_ = 0;
  bool ok_ = true;
};

}  // namespace

JsonValue inline_refs(const JsonValue& targeting, const JsonValue& evaluators,
                      const std::string& file, Diagnostics& out) {
  Inliner inliner(evaluators, file, out);
  JsonValue expanded = inliner.expand(targeting, 1);
  return inliner.ok() ? expanded : JsonValue();
}

}  // namespace flagmesh::flags
