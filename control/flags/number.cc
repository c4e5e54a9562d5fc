#include "control/flags/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace flagmesh::flags {

namespace {

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53
// From here on ECMAScript prints an exponent, so the canonical text no longer looks like an
// integer.
constexpr double kFirstExponent = 1e21;

}  // namespace

std::expected<double, std::string> integer_number(double value) {
  if (std::abs(value) > kLargestInteger)
    return std::unexpected("an integer beyond 2^53 would lose digits");
  return value;
}

std::expected<double, std::string> decimal_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = std::strtod(std::string(text).c_str(), nullptr);  // tells too large from too small
  } else if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected("not a number");
  }
  if (!std::isfinite(value)) return std::unexpected("the number is too large");
  const bool written_as_integer = text.find_first_of(".eE") == text.npos;
  const double size = std::abs(value);
  if (size > kLargestInteger && (written_as_integer || size < kFirstExponent))
    return integer_number(value);
  if (written_as_integer && size == kLargestInteger) {
    // 2^53 + 1 rounds to 2^53: only the digits tell.
    const std::string_view digits = text.substr(text.find_first_of("123456789"));
    if (digits != "9007199254740992")
      return std::unexpected("an integer beyond 2^53 would lose digits");
  }
  return value;
}

}  // namespace flagmesh::flags
