#include "proxy/base/time.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace flagmesh {

MonoNs mono_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<MonoNs>(now.tv_sec) * 1'000'000'000 + static_cast<MonoNs>(now.tv_nsec);
}

int64_t unix_seconds() { return unix_millis() / 1000; }

int64_t unix_millis() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

void write_http_date(int64_t unix_seconds, std::span<char, kHttpDateBytes> into) {
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = unix_seconds;
  tm t{};
  gmtime_r(&seconds, &t);
  std::array<char, 64> text{};
  snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[static_cast<size_t>(t.tm_wday)],
           t.tm_mday, kMonths[static_cast<size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  memcpy(into.data(), text.data(), into.size());
}

std::string http_date(int64_t unix_seconds) {
  std::string text(kHttpDateBytes, ' ');
  write_http_date(unix_seconds, std::span<char, kHttpDateBytes>(text.data(), kHttpDateBytes));
  return text;
}

std::string rfc3339_millis(int64_t unix_millis) {
  const time_t seconds = unix_millis / 1000;
  tm t{};
  gmtime_r(&seconds, &t);
  std::array<char, 64> text{};
  const int n = snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                         t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                         static_cast<int>(unix_millis % 1000));
  return {text.data(), static_cast<size_t>(n)};
}

}  // namespace flagmesh
