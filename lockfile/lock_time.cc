#include "lockfile/lock_time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace flagmesh::lockfile {

namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::string_view kPattern = "0000-00-00T00:00:00Z";

int number_at(std::string_view text, size_t at, size_t count) {
  int value = 0;
  for (size_t i = at; i < at + count; i++) value = value * 10 + (text[i] - '0');
  return value;
}

}  // namespace

std::string format_time(int64_t unix_seconds) {
  const sys_days day{days(unix_seconds / 86400)};
  const year_month_day date(day);
  const auto second = static_cast<unsigned>(unix_seconds % 86400);
  std::array<char, 64> text{};
  int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02u:%02u:%02uZ",
                           static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                           static_cast<unsigned>(date.day()), second / 3600, second / 60 % 60,
                           second % 60);
  return {text.data(), static_cast<size_t>(size)};
}

Result<int64_t> parse_time(std::string_view text) {
  const auto refuse = [] { return fail("bad_time", "a time that is not YYYY-MM-DDThh:mm:ssZ"); };
  if (text.size() != kPattern.size()) return refuse();
  for (size_t i = 0; i < text.size(); i++) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kPattern[i] == '0' ? !digit : text[i] != kPattern[i]) return refuse();
  }
  const year_month_day date{std::chrono::year(number_at(text, 0, 4)),
                            std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
                            std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
  const int hour = number_at(text, 11, 2), minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);
  if (!date.ok() || date.year() < std::chrono::year(1970)) return refuse();
  if (hour > 23 || minute > 59 || second > 59) return refuse();
  const int64_t days_since_1970 = sys_days(date).time_since_epoch().count();
  return days_since_1970 * 86400 + hour * 3600 + minute * 60 + second;
}

}  // namespace flagmesh::lockfile
