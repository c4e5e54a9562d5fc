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
  Inliner(const JsonValue& evaluators, const JsonValue& segments, const std::string& file,
          Diagnostics& out)
      : evaluators_(evaluators), segments_(segments), file_(file), out_(out) {}

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
    if (value.object().size() == 1 && value.object().front().name == "segment") {
      return segment(value.object().front(), depth);
    }
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

  JsonValue segment(const JsonMember& use, size_t depth) {
    if (use.value.is_string()) return rule(use.value, depth);
    if (!use.value.is_array() || use.value.array().empty()) {
      return refuse(use.mark, "'segment' names no segment", "write { segment: NAME }");
    }
    JsonValue::Array rules;
    for (const JsonValue& name : use.value.array()) {
      if (!name.is_string()) return refuse(name.mark(), "a segment's name is no text");
      rules.push_back(rule(name, depth + 1));
    }
    return JsonValue(JsonValue::Object{{"or", JsonValue(std::move(rules), use.mark), use.mark}},
                     use.mark);
  }

  JsonValue rule(const JsonValue& use, size_t depth) {
    const std::string& name = use.string();
    const JsonValue* found = segments_.find(name);
    if (found == nullptr) {
      const std::string near = nearest(name, names_of(segments_));
      return refuse(use.mark(), "no segment '" + name + "' in this file",
                    near.empty() ? "add it to 'segments'" : "did you mean '" + near + "'?");
    }
    if (found->is_array()) {
      if (++nodes_ > kTargetingNodes || (nodes_ += found->array().size()) > kTargetingNodes) {
        return refuse(use.mark(), "targeting has more than " + std::to_string(kTargetingNodes) +
                                      " values");
      }
      const JsonValue key(JsonValue::Object{{"var", "targetingKey", use.mark()}}, use.mark());
      return JsonValue(
          JsonValue::Object{{"in", JsonValue(JsonValue::Array{key, *found}, use.mark()), use.mark()}},
          use.mark());
    }
    const std::string opened = "segment " + name;
    if (std::ranges::find(open_, opened) != open_.end()) {
      return refuse(use.mark(), "segment '" + name + "' refers to itself");
    }
    open_.push_back(opened);
    JsonValue expanded = expand(*found, depth + 1);
    open_.pop_back();
    return expanded;
  }

  static std::vector<std::string> names_of(const JsonValue& map) {
    std::vector<std::string> names;
    if (!map.is_object()) return names;
    for (const JsonMember& member : map.object()) names.push_back(member.name);
    return names;
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
    const std::string near = nearest(ref.value.string(), names_of(evaluators_));
    out_.push_back(
        warning_at(file_, ref.value.mark(),
                   "no evaluator '" + ref.value.string() + "': evaluation will end in PARSE_ERROR",
                   near.empty() ? "add it to '$evaluators'" : "did you mean '" + near + "'?"));
  }

  JsonValue refuse(Mark mark, std::string message, std::string mend = {}) {
    if (ok_) out_.push_back(error_at(file_, mark, std::move(message), std::move(mend)));
    ok_ = false;
    return {};
  }

  const JsonValue& evaluators_;
  const JsonValue& segments_;
  const std::string& file_;
  Diagnostics& out_;
  std::vector<std::string> open_;  // evaluators that are being put in
  size_t nodes_ = 0;
  bool ok_ = true;
};

}  // namespace

JsonValue inline_refs(const JsonValue& targeting, const JsonValue& evaluators,
                      const JsonValue& segments, const std::string& file, Diagnostics& out) {
  Inliner inliner(evaluators, segments, file, out);
  JsonValue expanded = inliner.expand(targeting, 1);
  return inliner.ok() ? expanded : JsonValue();
}

void check_segments(const JsonValue& segments, const std::string& file, Diagnostics& out) {
  if (!segments.is_object()) {
    out.push_back(error_at(file, segments.mark(), "'segments' is not a map from name to rule"));
    return;
  }
  for (const JsonMember& member : segments.object()) {
    const bool keys = member.value.is_array() &&
                      std::ranges::all_of(member.value.array(), &JsonValue::is_string);
    const bool rule = member.value.is_object() && member.value.object().size() == 1;
    if (keys || rule) continue;
    out.push_back(error_at(file, member.value.mark(),
                           "segment '" + member.name + "' is neither a rule nor a list of targeting keys",
                           "write a condition, or [\"alice\", \"bob\"]"));
  }
}

}  // namespace flagmesh::flags
