#include "control/flags/sem_ver.h"

#include <algorithm>
#include <array>

namespace flagmesh::flags {

namespace {

// Numbers stay digits: they have no largest value, and without leading zeros the longer one is the
// larger one.
struct Version {
  std::array<std::string_view, 3> numbers = {"0", "0", "0"};
  std::string_view prerelease = {};
};

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_number(std::string_view text) {
  return is_digits(text) && (text.size() == 1 || text.front() != '0');
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

// The part of `text` before its first '.', which is cut off together with it.
std::string_view next_part(std::string_view& text) {
  const size_t dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text = dot == text.npos ? std::string_view() : text.substr(dot + 1);
  return part;
}

bool are_identifiers(std::string_view text, bool numbers_without_zeros) {
  if (text.empty() || text.ends_with('.')) return false;
  while (!text.empty()) {
    const std::string_view part = next_part(text);
    if (!is_identifier(part) || (numbers_without_zeros && is_digits(part) && !is_number(part)))
      return false;
  }
  return true;
}

std::optional<Version> parse(std::string_view text) {
  if (text.starts_with('v') || text.starts_with('V')) text.remove_prefix(1);
  Version version;
  const size_t plus = text.find('+');
  const bool has_build = plus != text.npos;
  if (has_build && !are_identifiers(text.substr(plus + 1), false)) return std::nullopt;
  text = text.substr(0, plus);
  const size_t dash = text.find('-');
  if (dash != text.npos) {
    version.prerelease = text.substr(dash + 1);
    if (!are_identifiers(version.prerelease, true)) return std::nullopt;
    text = text.substr(0, dash);
  }
  const auto parts = static_cast<size_t>(std::ranges::count(text, '.')) + 1;
  if (parts > 3 || (parts < 3 && (has_build || dash != text.npos))) return std::nullopt;
  if (text.ends_with('.')) return std::nullopt;
  for (size_t i = 0; i < parts; ++i) {
    version.numbers[i] = next_part(text);
    if (!is_number(version.numbers[i])) return std::nullopt;
  }
  return version;
}

int compare_numbers(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// SemVer §11.4: no prerelease is higher than any; identifiers one by one, numbers below texts, more
// identifiers higher.
int compare_prerelease(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  while (!a.empty() && !b.empty()) {
    const std::string_view left = next_part(a);
    const std::string_view right = next_part(b);
    const bool left_is_number = is_digits(left);
    if (left_is_number != is_digits(right)) return left_is_number ? -1 : 1;
    const int order = left_is_number ? compare_numbers(left, right) : left.compare(right);
    if (order != 0) return order;
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

int compare(const Version& a, const Version& b) {
  for (size_t i = 0; i < 3; ++i) {
    const int order = compare_numbers(a.numbers[i], b.numbers[i]);
    if (order != 0) return order;
  }
  return compare_prerelease(a.prerelease, b.prerelease);
}

}  // namespace

std::optional<bool> sem_ver(std::string_view left, std::string_view operation,
                            std::string_view right) noexcept {
  const auto a = parse(left);
  const auto b = parse(right);
  if (!a || !b) return std::nullopt;
  const int order = compare(*a, *b);
  if (operation == "=") return order == 0;
  if (operation == "!=") return order != 0;
  if (operation == "<") return order < 0;
  if (operation == "<=") return order <= 0;
  if (operation == ">") return order > 0;
  if (operation == ">=") return order >= 0;
  if (operation == "^") return a->numbers[0] == b->numbers[0];
  if (operation == "~") return a->numbers[0] == b->numbers[0] && a->numbers[1] == b->numbers[1];
  return std::nullopt;
}

}  // namespace flagmesh::flags
