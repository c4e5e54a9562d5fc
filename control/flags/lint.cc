#include "control/flags/lint.h"

#include <algorithm>
#include <array>
#include <limits>

#include "control/flags/bucketing.h"
#include "control/flags/report.h"
#include "control/flags/sem_ver.h"

namespace flagmesh::flags {

namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

struct Arity {
  std::string_view operation;
  size_t least;
  size_t most;
};

constexpr Arity kArities[] = {
    {"var", 0, 2},
    {"missing", 0, kAny},
    {"missing_some", 2, 2},
    {"if", 1, kAny},
    {"==", 2, 2},
    {"===", 2, 2},
    {"!=", 2, 2},
    {"!==", 2, 2},
    {">", 2, 2},
    {">=", 2, 2},
    {"<", 2, 3},
    {"<=", 2, 3},
    {"!", 1, 1},
    {"!!", 1, 1},
    {"or", 1, kAny},
    {"and", 1, kAny},
    {"+", 1, kAny},
    {"-", 1, 2},
    {"*", 2, kAny},
    {"/", 2, 2},
    {"%", 2, 2},
    {"min", 1, kAny},
    {"max", 1, kAny},
    {"merge", 1, kAny},
    {"cat", 1, kAny},
    {"substr", 2, 3},
    {"in", 2, 2},
    {"map", 2, 2},
    {"filter", 2, 2},
    {"all", 2, 2},
    {"none", 2, 2},
    {"some", 2, 2},
    {"reduce", 3, 3},
    {"sem_ver", 3, 3},
    {"starts_with", 2, 2},
    {"ends_with", 2, 2},
    {"fractional", 1, kAny},
};

std::vector<std::string> operation_names() {
  std::vector<std::string> names;
  for (const Arity& arity : kArities) names.emplace_back(arity.operation);
  return names;
}

bool is_operation(const JsonValue& value) {
  return value.is_object() && value.object().size() == 1;
}

class Linter {
 public:
  Linter(const FlagDefinition& flag, const std::string& file, Diagnostics& out)
      : flag_(flag), file_(file), out_(out) {}

  void root(const JsonValue& targeting) {
    if (!targeting.is_object())
      warn(targeting.mark(),
           "targeting is a " + std::string(type_name(targeting.type())) + ", not a rule",
           "use 'defaultVariant'");
    check(targeting, true);
  }

 private:
  void warn(Mark mark, std::string message, std::string mend = {}) {
    out_.push_back(warning_at(file_, mark, "flag '" + flag_.key + "': " + std::move(message),
                              std::move(mend)));
  }

  // `is_result`: what the value says may be the variant that is served.
  void check(const JsonValue& value, bool is_result) {
    if (value.is_array()) {
      for (const JsonValue& item : value.array()) check(item, false);
    } else if (is_operation(value)) {
      check_operation(value.object().front(), is_result);
    } else if (value.is_object() && !value.object().empty()) {
      warn(value.mark(), "a map of several keys is not an operation", "an operation has one key");
    } else if (is_result) {
      check_result(value);
    }
  }

  void check_operation(const JsonMember& operation, bool is_result) {
    if (operation.name == "$ref") return;  // told when it was looked up
    const auto arity =
        std::ranges::find(kArities, std::string_view(operation.name), &Arity::operation);
    if (arity == std::end(kArities)) {
      const std::string near = nearest(operation.name, operation_names());
      warn(operation.mark,
           "unknown operation '" + operation.name + "': evaluation will end in PARSE_ERROR",
           near.empty() ? std::string() : "did you mean '" + near + "'?");
      return;
    }
    const JsonValue::Array single =
        operation.value.is_array() ? JsonValue::Array() : JsonValue::Array{operation.value};
    const JsonValue::Array& operands =
        operation.value.is_array() ? operation.value.array() : single;
    if (operands.size() < arity->least || operands.size() > arity->most) {
      warn(operation.mark,
           "'" + operation.name + "' with " + std::to_string(operands.size()) + " operands",
           "it takes " + range_text(*arity));
    }
    if (operation.name == "fractional") return check_fractional(operation, operands, is_result);
    if (operation.name == "var") return check_var(operands);
    if (operation.name == "starts_with" || operation.name == "ends_with")
      check_texts(operation.name, operands);
    if (operation.name == "sem_ver") check_sem_ver(operands);
    for (size_t i = 0; i < operands.size(); ++i)
      check(operands[i], is_result && is_result_of(operation.name, i, operands.size()));
  }

  static std::string range_text(const Arity& arity) {
    if (arity.most == kAny) return std::to_string(arity.least) + " or more";
    if (arity.most == arity.least) return std::to_string(arity.least);
    return std::to_string(arity.least) + " to " + std::to_string(arity.most);
  }

  // Whether the result of the operation may be its operand number `i`, and a literal there is meant
  // as one.
  static bool is_result_of(std::string_view operation, size_t i, size_t count) {
    if (operation == "if") return count > 1 && (i % 2 == 1 || i + 1 == count);
    return false;
  }

  void check_result(const JsonValue& value) {
    if (value.is_null()) return;
    if (!value.is_string() && !value.is_bool()) {
      warn(value.mark(), "the result is a " + std::string(type_name(value.type())),
           "name a variant");
      return;
    }
    const std::string name = value.is_string() ? value.string()
                             : value.boolean() ? "true"
                                               : "false";
    if (flag_.variant_index(name)) return;
    std::vector<std::string> names;
    for (const Variant& variant : flag_.variants) names.push_back(variant.name);
    const std::string near = nearest(name, names);
    warn(value.mark(), "the result '" + name + "' is not one of its variants",
         near.empty() ? "name a variant" : "did you mean '" + near + "'?");
  }

  void check_var(const JsonValue::Array& operands) {
    for (const JsonValue& operand : operands) check(operand, false);
    if (operands.empty() || !operands.front().is_string()) return;
    const std::string& path = operands.front().string();
    if (!path.starts_with("$flagd.") || path == "$flagd.flagKey" || path == "$flagd.timestamp")
      return;
    const std::string near = nearest(path, {"$flagd.flagKey", "$flagd.timestamp"});
    warn(operands.front().mark(), "unknown property '" + path + "'",
         near.empty() ? "there are $flagd.flagKey and $flagd.timestamp"
                      : "did you mean '" + near + "'?");
  }

  void check_texts(const std::string& name, const JsonValue::Array& operands) {
    for (const JsonValue& operand : operands) {
      if (!operand.is_string() && !is_operation(operand)) {
        warn(operand.mark(),
             "'" + name + "' with a " + std::string(type_name(operand.type())) + " never decides",
             "write a text in quotes");
      }
    }
  }

  void check_sem_ver(const JsonValue::Array& operands) {
    for (size_t i : {size_t{0}, size_t{2}}) {
      if (i >= operands.size() || is_operation(operands[i])) continue;
      const bool is_version =
          operands[i].is_number() ||
          (operands[i].is_string() && sem_ver(operands[i].string(), "=", operands[i].string()));
      if (!is_version)
        warn(operands[i].mark(), "'sem_ver' with something that is no version never decides",
             "write a version like 1.2.3");
    }
    if (operands.size() < 2 || is_operation(operands[1])) return;
    if (!operands[1].is_string() || !sem_ver("1.0.0", operands[1].string(), "1.0.0")) {
      warn(operands[1].mark(), "'sem_ver' with an unknown comparison never decides",
           "use one of = != < <= > >= ~ ^");
    }
  }

  void check_fractional(const JsonMember& operation, const JsonValue::Array& operands,
                        bool is_result) {
    const bool has_source = !operands.empty() && !operands.front().is_array();
    if (has_source && !is_operation(operands.front())) {
      warn(operands.front().mark(), "the key of this 'fractional' is the same for everybody",
           "use a 'var', or leave it out for the targeting key");
    }
    if (has_source) check(operands.front(), false);
    int64_t total = 0;
    bool is_constant = true;
    for (size_t i = has_source ? 1 : 0; i < operands.size(); ++i) {
      const auto weight = check_entry(operands[i], is_result);
      is_constant = is_constant && weight.has_value();
      total += weight.value_or(0);
    }
    if (total > kMaxTotalWeight)
      warn(operation.mark,
           "the weights of this 'fractional' add up to more than 2147483647: it never decides",
           "use smaller weights of the same proportion");
    if (is_constant && total == 0)
      warn(operation.mark, "all weights of this 'fractional' are 0: it never decides",
           "give one variant a weight");
  }

  // The weight of a correct entry whose weight is no computation.
  std::optional<int64_t> check_entry(const JsonValue& entry, bool is_result) {
    if (!entry.is_array() || entry.array().empty() || entry.array().size() > 2) {
      warn(entry.mark(), "an entry of a 'fractional' is not a list of variant and weight",
           "write [\"variant\", 25]");
      return std::nullopt;
    }
    check(entry.array().front(), is_result);
    if (entry.array().size() == 1) return 1;
    const JsonValue& weight = entry.array().back();
    if (is_operation(weight)) {
      check(weight, false);
      return std::nullopt;
    }
    const auto number = weight.integer();
    if (!number || *number < 0 || *number > kMaxTotalWeight) {
      warn(weight.mark(), "a weight is not a whole number from 0 to 2147483647",
           number ? "a negative one counts as 0" : "the whole 'fractional' never decides");
      return std::nullopt;
    }
    return *number;
  }

  const FlagDefinition& flag_;
  const std::string& file_;
  Diagnostics& out_;
};

}  // namespace

void lint_targeting(const FlagDefinition& flag, const std::string& file, Diagnostics& out) {
  if (!flag.targeting.is_null()) Linter(flag, file, out).root(flag.targeting);
}

}  // namespace flagmesh::flags
