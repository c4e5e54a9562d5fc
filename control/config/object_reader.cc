#include "control/config/object_reader.h"

#include <algorithm>
#include <filesystem>

namespace flagmesh::config {

using flags::JsonValue;
using flags::Mark;

namespace {

// Few enough to be listed as they are.
constexpr size_t kListedCandidates = 6;
// A longer word is no slip of one of ours.
constexpr size_t kSlipBytes = 64;

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); i++) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace

void Report::error(Mark mark, std::string message, std::string mend) {
  errors_++;
  out_.push_back(
      {Severity::kError, file_, mark.line, mark.column, std::move(message), std::move(mend)});
}

void Report::error(Mark mark, Error error) {
  this->error(mark, std::move(error.message), std::move(error.mend));
}

void Report::warning(Mark mark, std::string message, std::string mend) {
  out_.push_back(
      {Severity::kWarning, file_, mark.line, mark.column, std::move(message), std::move(mend)});
}

std::string Report::resolve(const std::string& path) const {
  return (std::filesystem::path(file_).parent_path() / path).lexically_normal().string();
}

std::string_view kind_name(JsonValue::Type type) {
  switch (type) {
    case JsonValue::Type::kNull:
      return "nothing";
    case JsonValue::Type::kBool:
      return "true or false";
    case JsonValue::Type::kNumber:
      return "a number";
    case JsonValue::Type::kString:
      return "text";
    case JsonValue::Type::kArray:
      return "a list";
    case JsonValue::Type::kObject:
      return "a mapping";
  }
  return "";
}

const JsonValue* expect(Report& report, const JsonValue& value, JsonValue::Type type,
                        const std::string& what) {
  if (value.type() == type) return &value;
  const bool unquoted = type == JsonValue::Type::kString && (value.is_number() || value.is_bool());
  report.error(value.mark(),
               what + " must be " + std::string(kind_name(type)) + ", not " +
                   std::string(kind_name(value.type())),
               unquoted ? "put it in quotes" : "");
  return nullptr;
}

const std::string* expect_text(Report& report, const JsonValue& value, const std::string& what) {
  if (expect(report, value, JsonValue::Type::kString, what) == nullptr) return nullptr;
  if (!value.string().empty()) return &value.string();
  report.error(value.mark(), what + " is empty");
  return nullptr;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near =
      word.size() > kSlipBytes ? std::string() : nearest(std::string(word), candidates);
  if (!near.empty()) return "did you mean '" + near + "'?";
  if (candidates.empty() || candidates.size() > kListedCandidates) return {};
  return "write " + listed(candidates);
}

ObjectReader::ObjectReader(Report& report, const JsonValue& value, std::string what)
    : report_(report), value_(value), what_(std::move(what)) {
  expect(report_, value_, JsonValue::Type::kObject, what_);
}

Mark ObjectReader::name_mark(std::string_view name) const {
  if (value_.is_object()) {
    const auto found = std::ranges::find(value_.object(), name, &flags::JsonMember::name);
    if (found != value_.object().end()) return found->mark;
  }
  return value_.mark();
}

std::string ObjectReader::member(std::string_view name) const {
  return "'" + std::string(name) + "' in " + what_;
}

const JsonValue* ObjectReader::find(std::string_view name) {
  if (std::ranges::find(known_, name) == known_.end()) known_.emplace_back(name);
  const JsonValue* value = value_.find(name);
  if (value == nullptr || !value->is_null()) return value;
  // Nothing is written where the value should be: its name is the place to look at.
  return &nulls_.emplace_back(JsonValue::null_at(name_mark(name)));
}

void ObjectReader::text(std::string_view name, std::string& out) {
  const JsonValue* value = find(name);
  if (value == nullptr) return;
  if (const std::string* text = expect_text(report_, *value, member(name))) out = *text;
}

void ObjectReader::path(std::string_view name, std::string& out) {
  std::string path;
  text(name, path);
  if (!path.empty()) out = report_.resolve(path);
}

void ObjectReader::key_file(std::string_view name, std::string& out) {
  path(name, out);
  if (!out.empty()) report_.key_files.push_back({member(name), out, value_.find(name)->mark()});
}

void ObjectReader::boolean(std::string_view name, bool& out) {
  const JsonValue* value = find(name);
  if (value != nullptr && expect(report_, *value, JsonValue::Type::kBool, member(name))) {
    out = value->boolean();
  }
}

std::optional<uint64_t> ObjectReader::whole_number(std::string_view name, uint64_t min,
                                                   uint64_t max) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = value->integer();
  if (number && *number >= 0 && static_cast<uint64_t>(*number) >= min &&
      static_cast<uint64_t>(*number) <= max) {
    return static_cast<uint64_t>(*number);
  }
  report_.error(value->mark(), member(name) + " must be a whole number from " +
                                   std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

void ObjectReader::duration(std::string_view name, Millis& out, Millis min, Millis max) {
  const JsonValue* value = find(name);
  if (value == nullptr) return;
  if (value->is_number() && value->integer() != 0) {
    report_.error(value->mark(), member(name) + " has no unit", "write ms, s, m or h, such as 5s");
    return;
  }
  Result<Millis> millis = 0;
  if (!value->is_number()) {
    if (expect(report_, *value, JsonValue::Type::kString, member(name)) == nullptr) return;
    millis = parse_duration(value->string());
  }
  if (!millis) {
    report_.error(value->mark(), member(name) + ": " + millis.error().message, millis.error().mend);
  } else if (*millis < min || *millis > max) {
    report_.error(value->mark(), member(name) + " must be from " + std::to_string(min) + "ms to " +
                                     std::to_string(max) + "ms");
  } else {
    out = *millis;
  }
}

void ObjectReader::size(std::string_view name, uint64_t& out) {
  const JsonValue* value = find(name);
  if (value == nullptr) return;
  if (const auto bytes = value->integer(); bytes && *bytes >= 0) {
    out = static_cast<uint64_t>(*bytes);
    return;
  }
  if (expect(report_, *value, JsonValue::Type::kString, member(name)) == nullptr) return;
  const auto size = parse_size(value->string());
  if (size) {
    out = *size;
  } else {
    report_.error(value->mark(), member(name) + ": " + size.error().message, size.error().mend);
  }
}

void ObjectReader::percent(std::string_view name, double& out) {
  const JsonValue* value = find(name);
  if (value == nullptr) return;
  if (value->is_number()) {
    report_.error(value->mark(), member(name) + " has no '%'", "write 50% for one half");
    return;
  }
  if (expect(report_, *value, JsonValue::Type::kString, member(name)) == nullptr) return;
  const auto share = parse_percent(value->string());
  if (share) {
    out = *share;
  } else {
    report_.error(value->mark(), member(name) + ": " + share.error().message, share.error().mend);
  }
}

void ObjectReader::listen_address(std::string_view name, std::string& out) {
  const JsonValue* value = find(name);
  if (value == nullptr) return;
  const std::string* text = expect_text(report_, *value, member(name));
  if (text == nullptr) return;
  auto address = parse_listen_address(*text);
  if (address) {
    out = std::move(*address);
  } else {
    report_.error(value->mark(), member(name) + ": " + address.error().message,
                  address.error().mend);
  }
}

std::vector<std::pair<std::string, Mark>> ObjectReader::text_list(std::string_view name) {
  std::vector<std::pair<std::string, Mark>> list;
  const JsonValue* value = find(name);
  if (value == nullptr ||
      expect(report_, *value, JsonValue::Type::kArray, member(name)) == nullptr) {
    return list;
  }
  for (const JsonValue& item : value->array()) {
    const std::string* text = expect_text(report_, item, "an item of " + member(name));
    if (text != nullptr) list.emplace_back(*text, item.mark());
  }
  return list;
}

std::optional<size_t> ObjectReader::word_index(std::string_view name,
                                               const std::vector<std::string>& words,
                                               std::initializer_list<std::string_view> later) {
  const JsonValue* value = find(name);
  if (value == nullptr) return std::nullopt;
  const std::string* word = expect_text(report_, *value, member(name));
  if (word == nullptr) return std::nullopt;
  const auto found = std::ranges::find(words, *word);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  if (std::ranges::find(later, *word) != later.end()) {
    report_.error(value->mark(), member(name) + ": this build does not have '" + *word + "' yet",
                  "write " + listed(words));
  } else {
    report_.error(value->mark(), member(name) + " cannot be " + in_quotes(*word),
                  suggestion(*word, words));
  }
  return std::nullopt;
}

void ObjectReader::later(std::string_view name, std::string_view what, const JsonValue* harmless) {
  const JsonValue* value = find(name);
  if (value == nullptr || (harmless != nullptr && *value == *harmless)) return;
  report_.error(name_mark(name),
                member(name) + ": this build does not have " + std::string(what) + " yet",
                "remove it");
}

void ObjectReader::finish() {
  if (!value_.is_object()) return;
  std::vector<std::string> unused;
  for (const std::string& name : known_) {
    if (value_.find(name) == nullptr) unused.push_back(name);
  }
  for (const flags::JsonMember& member : value_.object()) {
    if (std::ranges::find(known_, member.name) != known_.end()) continue;
    const std::string near =
        member.name.size() > kSlipBytes ? std::string() : nearest(member.name, unused);
    report_.error(member.mark, "unknown key " + in_quotes(member.name) + " in " + what_,
                  near.empty() ? "known here: " + listed(known_) : "did you mean '" + near + "'?");
  }
}

}  // namespace flagmesh::config
