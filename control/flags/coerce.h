// JSONLogic's truth and JavaScript's conversions, as the reference implementation of JSONLogic
// applies them. Texts compare and count by code points, as flagd has them, not by UTF-16 units.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/arena.h"
#include "control/flags/value.h"

namespace flagmesh::flags {

// False: null, false, 0, NaN, the empty text, the empty list. An object is always true.
bool truthy(const Value& value) noexcept;

// JavaScript's Number(): null and "" are 0, booleans 0 and 1, texts are read whole (decimal, 0x,
// 0o, 0b, Infinity), else NaN. Lists go by their text.
double to_number(const Value& value, Arena& arena) noexcept;

// JavaScript's parseFloat(): the number at the front of the value's text, else NaN.
double parse_float(const Value& value, Arena& arena) noexcept;

// JavaScript's String(): "null", "true", "1e+21", lists joined by commas (nulls as nothing),
// "[object Object]".
std::string_view to_text(const Value& value, Arena& arena) noexcept;

// A number as JavaScript prints it: ecmascript_number, "NaN", "Infinity", "-Infinity".
std::string number_text(double value);

// `a == b` and `a === b`. Lists and objects are equal only to themselves; with anything else a list
// compares by its text.
bool loose_equal(const Value& a, const Value& b, Arena& arena) noexcept;
bool strict_equal(const Value& a, const Value& b) noexcept;

// `a < b`, `a <= b`: texts by code points, everything else as numbers; false when one is NaN.
bool less(const Value& a, const Value& b, Arena& arena) noexcept;
bool less_equal(const Value& a, const Value& b, Arena& arena) noexcept;

}  // namespace flagmesh::flags
