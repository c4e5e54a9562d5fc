#include "control/config/parse_policy.h"

#include <algorithm>
#include <array>
#include <optional>

#include "control/config/parse_roles.h"

namespace flagmesh::config {

using flags::JsonValue;
using merkle::SignatureType;

namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr size_t kMaxItems = 100;
constexpr uint32_t kPpmPerPercent = 10'000;
constexpr Millis kMinWindow = 60'000;

std::unexpected<Error> bad_hours(std::string_view text) {
  return fail("bad_value", in_quotes(text) + " are no hours", {},
              "in UTC: \"mon-fri 08:00-18:00\", \"sat 09:00-12:00\" or \"08:00-18:00\"");
}

std::optional<size_t> day_of(std::string_view word) {
  const auto found = std::ranges::find(kDays, word);
  if (found == kDays.end()) return std::nullopt;
  return static_cast<size_t>(found - kDays.begin());
}

// "mon" or "mon-fri", which may go over the week's end.
std::optional<uint8_t> days_of(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = day_of(text.substr(0, dash));
  const auto last = dash == text.npos ? first : day_of(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  uint8_t days = 0;
  for (size_t day = *first;; day = (day + 1) % kDays.size()) {
    days = static_cast<uint8_t>(days | (1U << day));
    if (day == *last) return days;
  }
}

// "08:00"; up to "24:00".
std::optional<uint16_t> minute_of(std::string_view text) {
  const auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) {
    return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0');
  const int minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour * 60 + minute > 24 * 60) return std::nullopt;
  return static_cast<uint16_t>(hour * 60 + minute);
}

void parse_max_moved(Report& report, const JsonValue& value, PolicyConfig& out) {
  ObjectReader reader(report, value, "'max_share_moved' in policy");
  uint32_t percent = out.max_moved_ppm / kPpmPerPercent;
  reader.count("percent", percent, 0, 100);
  out.max_moved_ppm = percent * kPpmPerPercent;
  reader.duration("window", out.window, kMinWindow);
  reader.finish();
}

// The members of a list, each an object.
const JsonValue::Array& objects(ObjectReader& reader, std::string_view name) {
  static const JsonValue::Array kNone;
  const JsonValue* value = reader.find(name);
  if (value == nullptr ||
      expect(reader.report(), *value, JsonValue::Type::kArray, reader.member(name)) == nullptr) {
    return kNone;
  }
  if (value->array().size() > kMaxItems) {
    reader.report().error(value->mark(), reader.member(name) + " has over 100 items");
    return kNone;
  }
  return value->array();
}

}  // namespace

Result<HoursConfig> parse_hours(std::string_view text) {
  HoursConfig hours;
  const size_t blank = text.find(' ');
  const auto days = blank == text.npos ? std::optional<uint8_t>(0x7F) : days_of(text.substr(0, blank));
  const std::string_view span = blank == text.npos ? text : text.substr(blank + 1);
  const size_t dash = span.find('-');
  if (!days || dash == span.npos) return bad_hours(text);
  const auto from = minute_of(span.substr(0, dash));
  const auto to = minute_of(span.substr(dash + 1));
  if (!from || !to || *from >= *to) return bad_hours(text);
  hours.days = *days;
  hours.from = *from;
  hours.to = *to;
  return hours;
}

void parse_lock_rule(ObjectReader& reader, LockRule& out) {
  parse_keys(reader, "require_lock", {SignatureType::kApproval}, out.approvers);
  out.required = static_cast<uint32_t>(out.approvers.size());
  const JsonValue* required = reader.find("require_approvals");
  if (required == nullptr) return;
  if (out.approvers.empty()) {
    reader.report().error(reader.name_mark("require_approvals"),
                          reader.member("require_approvals") + " is nothing without 'require_lock'",
                          "list the approvers' keys in require_lock");
    return;
  }
  reader.count("require_approvals", out.required, 1, out.approvers.size());
}

void parse_policy(Report& report, const JsonValue& value, PolicyConfig& out) {
  ObjectReader reader(report, value, "policy");
  if (const JsonValue* moved = reader.find("max_share_moved")) parse_max_moved(report, *moved, out);
  for (const auto& [text, mark] : reader.text_list("allowed_hours")) {
    auto hours = parse_hours(text);
    if (hours) {
      out.hours.push_back(*hours);
    } else {
      report.error(mark, std::move(hours.error()));
    }
  }
  for (const auto& [key, mark] : reader.text_list("frozen_flags")) {
    if (std::ranges::find(out.frozen, key) != out.frozen.end()) {
      report.error(mark, in_quotes(key) + " is listed twice", "remove one");
    } else {
      out.frozen.push_back(key);
    }
  }
  parse_lock_rule(reader, out.require_lock);
  enum class Kill : uint8_t { kDefault, kAny };
  Kill kill = Kill::kDefault;
  reader.choice<Kill>("kill", kill, {{"default", Kill::kDefault}, {"any", Kill::kAny}});
  out.any_kill = kill == Kill::kAny;
  reader.finish();
}

void parse_witnesses(ObjectReader& reader, std::vector<WitnessConfig>& out) {
  for (const JsonValue& item : objects(reader, "witnesses")) {
    ObjectReader witness(reader.report(), item, "a witness");
    std::string url;
    witness.text("url", url);
    std::string key;
    witness.text("key", key);
    witness.finish();
    if (!url.starts_with("http://")) {
      reader.report().error(item.mark(), "a witness needs a 'url' that begins with http://",
                            "for https put a proxy that speaks TLS in between");
      continue;
    }
    while (url.ends_with('/')) url.pop_back();
    auto parsed = merkle::VerifierKey::parse(key);
    if (!parsed || parsed->type() != SignatureType::kCosignatureV1) {
      reader.report().error(item.mark(), "a witness needs its 'key': a cosignature/v1 verifier key",
                            "the witness publishes it: NAME+ID+KEY");
      continue;
    }
    out.push_back({std::move(url), std::move(*parsed)});
  }
}

void parse_witnessed_logs(ObjectReader& reader, std::vector<WitnessedLogConfig>& out) {
  for (const JsonValue& item : objects(reader, "witness_logs")) {
    ObjectReader log(reader.report(), item, "a witnessed log");
    WitnessedLogConfig one;
    log.text("origin", one.origin);
    parse_keys(log, "keys", {SignatureType::kEd25519}, one.keys);
    log.finish();
    const bool twice = std::ranges::find(out, one.origin, &WitnessedLogConfig::origin) != out.end();
    if (one.origin.empty() || one.keys.empty() || twice) {
      reader.report().error(item.mark(),
                            twice ? "the log " + in_quotes(one.origin) + " is listed twice"
                                  : "a witnessed log needs its 'origin' and 'keys'",
                            "origin: the first line of its checkpoints; keys: its verifier keys");
      continue;
    }
    out.push_back(std::move(one));
  }
}

}  // namespace flagmesh::config
