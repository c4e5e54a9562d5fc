#include "control/flags/schedule.h"

#include <charconv>
#include <chrono>

#include "control/flags/report.h"
#include "control/flags/sugar.h"

namespace flagmesh::flags {

namespace {

// Exactly `digits` decimal digits at `at`, then `at` moves behind them.
std::optional<int> number_at(std::string_view text, size_t& at, size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  at += digits;
  return value;
}

bool letter_at(std::string_view text, size_t& at, char letter) {
  if (at >= text.size() || (text[at] | 0x20) != (letter | 0x20)) return false;
  ++at;
  return true;
}

// "Z", "+01:00": seconds east of Greenwich.
std::optional<int> offset_at(std::string_view text, size_t& at) {
  if (letter_at(text, at, 'Z')) return 0;
  if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return std::nullopt;
  const int sign = text[at++] == '-' ? -1 : 1;
  const auto hours = number_at(text, at, 2);
  if (!hours || *hours > 23 || !letter_at(text, at, ':')) return std::nullopt;
  const auto minutes = number_at(text, at, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<int64_t> read_instant(const JsonValue& value) {
  if (value.is_string()) return parse_instant(value.string());
  const auto seconds = value.integer();
  return seconds && *seconds >= 0 ? seconds : std::nullopt;
}

JsonValue before_instant(int64_t at, Mark mark) {
  const JsonValue now(JsonValue::Object{{"var", "$flagd.timestamp", mark}}, mark);
  return JsonValue(
      JsonValue::Object{
          {"<", JsonValue(JsonValue::Array{now, static_cast<double>(at)}, mark), mark}},
      mark);
}

}  // namespace

std::optional<int64_t> parse_instant(std::string_view text) {
  size_t at = 0;
  const auto year = number_at(text, at, 4);
  if (!year || !letter_at(text, at, '-')) return std::nullopt;
  const auto month = number_at(text, at, 2);
  if (!month || !letter_at(text, at, '-')) return std::nullopt;
  const auto day = number_at(text, at, 2);
  if (!day || !(letter_at(text, at, 'T') || letter_at(text, at, ' '))) return std::nullopt;
  const auto hour = number_at(text, at, 2);
  if (!hour || *hour > 23 || !letter_at(text, at, ':')) return std::nullopt;
  const auto minute = number_at(text, at, 2);
  if (!minute || *minute > 59 || !letter_at(text, at, ':')) return std::nullopt;
  const auto second = number_at(text, at, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto offset = offset_at(text, at);
  if (!offset || at != text.size()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + *hour * 3600 + *minute * 60 + *second - *offset;
}

JsonValue desugar_schedule(const JsonValue& schedule, JsonValue before, const FlagDefinition& flag,
                           const std::string& file, Diagnostics& out) {
  const auto refuse = [&](Mark mark, std::string message, std::string mend) {
    out.push_back(error_at(file, mark,
                           "'schedule' of flag '" + flag.key + "': " + std::move(message),
                           std::move(mend)));
    return JsonValue();
  };
  const std::string form = "write [{ at: 2026-12-01T09:00:00Z, rollout: { VARIANT: WEIGHT } }]";
  if (!schedule.is_array() || schedule.array().empty()) {
    return refuse(schedule.mark(), "it is no list of steps", form);
  }
  if (schedule.array().size() > kScheduleSteps) {
    return refuse(schedule.mark(), "it has more than 100 steps", "leave out those that are past");
  }
  JsonValue::Array branches;
  int64_t last = -1;
  JsonValue current = std::move(before);
  for (const JsonValue& step : schedule.array()) {
    const JsonValue* at = step.find("at");
    const JsonValue* rollout = step.find("rollout");
    if (at == nullptr || rollout == nullptr || step.object().size() != 2) {
      return refuse(step.mark(), "a step has exactly 'at' and 'rollout'", form);
    }
    const auto instant = read_instant(*at);
    if (!instant) {
      return refuse(at->mark(), "'at' is no time", "write it like 2026-12-01T09:00:00Z");
    }
    if (*instant <= last) {
      return refuse(at->mark(), "this step is not after the one before it", "sort them by time");
    }
    last = *instant;
    JsonValue split = desugar_rollout(*rollout, flag, file, out);
    if (split.is_null()) return {};
    branches.push_back(before_instant(*instant, at->mark()));
    branches.push_back(std::move(current));
    current = std::move(split);
  }
  branches.push_back(std::move(current));
  return JsonValue(
      JsonValue::Object{{"if", JsonValue(std::move(branches), schedule.mark()), schedule.mark()}},
      schedule.mark());
}

}  // namespace flagmesh::flags
