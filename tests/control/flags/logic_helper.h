// Evaluates bare JSONLogic, for tables of tests.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "control/flags/canonical_json.h"
#include "control/flags/coerce.h"
#include "control/flags/interpreter.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {

inline std::string value_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kBool:
      return value.boolean() ? "true" : "false";
    case Value::Kind::kNumber:
      return number_text(value.number());
    case Value::Kind::kString:
      return canonical_json(JsonValue(value.text()));
    case Value::Kind::kObject:
      return canonical_json(value.object());
    default: {
      std::string out = "[";
      for (size_t i = 0; i < value.size(); ++i)
        out += (i == 0 ? "" : ",") + value_text(value.at(i));
      return out + "]";
    }
  }
}

// The result as JSON, or "PARSE_ERROR" or "GENERAL". The flag's key is "flag", the time 1700000000.
inline std::string eval(std::string_view logic, std::string_view context = "{}") {
  const auto rule = parse_json(logic);
  const auto object = parse_json(context);
  if (!rule || !object) return "not JSON";
  const auto program = Program::compile(*rule, "flag");
  if (!program) return program.error().text();
  const JsonContext facts(*object, 1'700'000'000);
  Interpreter interpreter(**program, facts, nullptr);
  const Value value = interpreter.run();
  if (interpreter.error() != ErrorCode::kNone)
    return std::string(error_code_name(interpreter.error()));
  return value_text(value);
}

struct LogicCase {
  const char* logic;
  const char* context;
  const char* result;
};

inline void expect_all(std::span<const LogicCase> table) {
  for (const LogicCase& c : table)
    EXPECT_EQ(eval(c.logic, c.context), c.result) << c.logic << " in " << c.context;
}

}  // namespace flagmesh::flags
