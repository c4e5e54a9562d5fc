#include "control/flags/read_json.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "control/flags/number.h"
#include "control/flags/report.h"
#include "control/flags/utf8.h"
#include "rapidjson/error/en.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/reader.h"

namespace flagmesh::flags {

namespace {

// Builds the tree from RapidJSON's events. RapidJSON tells where it stands after a token; where the
// token began is found by skipping white space and separators from where the one before ended.
class TreeBuilder {
 public:
  TreeBuilder(std::string_view text, const ReadLimits& limits,
              const rapidjson::MemoryStream& stream)
      : text_(text), limits_(limits), stream_(stream) {}

  // RapidJSON looks for these names.
  // NOLINTBEGIN(readability-identifier-naming)
  bool Null() { return add(JsonValue::null_at(begin_token())); }
  bool Bool(bool value) { return add(JsonValue(value, begin_token())); }
  bool Int(int) { return false; }  // numbers come as texts: RawNumber
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* chars, rapidjson::SizeType size, bool) {
    const Mark mark = begin_token();
    const auto number = decimal_number(std::string_view(chars, size));
    if (!number) return refuse(mark, number.error());
    return add(JsonValue(*number, mark));
  }
  bool String(const char* chars, rapidjson::SizeType size, bool) {
    const Mark mark = begin_token();
    if (!check_string(std::string_view(chars, size), mark)) return false;
    return add(JsonValue(std::string(chars, size), mark));
  }
  bool Key(const char* chars, rapidjson::SizeType size, bool) {
    const Mark mark = begin_token();
    if (!check_string(std::string_view(chars, size), mark)) return false;
    open_.back().members.push_back(JsonMember{std::string(chars, size), {}, mark});
    return true;
  }
  bool StartObject() { return open(true); }
  bool StartArray() { return open(false); }
  bool EndObject(rapidjson::SizeType) {
    begin_token();
    if (!unique_names(open_.back().members)) return false;
    Level level = std::move(open_.back());
    open_.pop_back();
    return attach(JsonValue(std::move(level.members), level.mark));
  }
  bool EndArray(rapidjson::SizeType) {
    begin_token();
    Level level = std::move(open_.back());
    open_.pop_back();
    return attach(JsonValue(std::move(level.items), level.mark));
  }
  // NOLINTEND(readability-identifier-naming)

  JsonValue take_root() { return std::move(root_); }
  const std::optional<Diagnostic>& refusal() const { return refusal_; }

 private:
  struct Level {
    bool is_object = false;
    Mark mark = {};
    JsonValue::Array items = {};
    JsonValue::Object members = {};
  };

  // Mark of the token that was just read. Lines are counted once, from token to token.
  Mark begin_token() {
    size_t start = token_end_;
    while (start < text_.size() &&
           std::string_view(" \t\r\n,:").find(text_[start]) != std::string_view::npos)
      ++start;
    for (size_t i = counted_; i < start; ++i) {
      if (text_[i] == '\n') {
        ++line_;
        line_start_ = i + 1;
      }
    }
    counted_ = start;
    token_end_ = std::max(stream_.Tell(), start + 1);  // brackets are not taken yet
    return Mark{line_, static_cast<uint32_t>(start - line_start_ + 1)};
  }

  bool open(bool is_object) {
    const Mark mark = begin_token();
    if (open_.size() >= limits_.depth) {
      return refuse(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
    }
    if (!count(mark)) return false;
    open_.push_back(Level{.is_object = is_object, .mark = mark});
    return true;
  }

  bool add(JsonValue value) { return count(value.mark()) && attach(std::move(value)); }

  bool attach(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().members.back().value = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  bool count(Mark mark) {
    return ++nodes_ <= limits_.nodes ||
           refuse(mark, "more than " + std::to_string(limits_.nodes) + " values");
  }

  bool check_string(std::string_view value, Mark mark) {
    // The text is UTF-8, but RapidJSON takes an escaped low surrogate that stands alone.
    if (utf8_error(value)) return refuse(mark, "an escape that is half a surrogate pair");
    return value.find('\0') == value.npos || refuse(mark, "a string may not contain NUL");
  }

  bool unique_names(const JsonValue::Object& members) {
    if (const JsonMember* twin = repeated_name(members)) {
      return refuse(twin->mark, "'" + twin->name + "' appears twice");
    }
    return true;
  }

  bool refuse(Mark mark, std::string message) {
    refusal_ = error_at({}, mark, std::move(message));
    return false;
  }

  const std::string_view text_;
  const ReadLimits& limits_;
  const rapidjson::MemoryStream& stream_;
  std::vector<Level> open_;
  JsonValue root_;
  std::optional<Diagnostic> refusal_;
  size_t nodes_ = 0;
  size_t token_end_ = 0;
  size_t counted_ = 0;  // lines up to here are counted
  size_t line_start_ = 0;
  uint32_t line_ = 1;
};

std::expected<JsonValue, Diagnostic> read(std::string_view text, const ReadLimits& limits) {
  if (text.size() > limits.bytes)
    return std::unexpected(
        error_at({}, {}, "longer than " + std::to_string(limits.bytes) + " bytes"));
  if (const auto bad = utf8_error(text))
    return std::unexpected(error_at({}, mark_of(text, *bad), "not UTF-8"));
  rapidjson::MemoryStream stream(text.data(), text.size());
  TreeBuilder builder(text, limits, stream);
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  if (reader.Parse<kFlags>(stream, builder)) return builder.take_root();
  if (builder.refusal()) return std::unexpected(*builder.refusal());
  std::string message = rapidjson::GetParseError_En(reader.GetParseErrorCode());
  if (message.ends_with('.')) message.pop_back();
  return std::unexpected(
      error_at({}, mark_of(text, std::min(reader.GetErrorOffset(), text.size())), message));
}

}  // namespace

const JsonMember* repeated_name(const JsonValue::Object& members) {
  std::vector<const JsonMember*> sorted;
  sorted.reserve(members.size());
  for (const JsonMember& member : members) sorted.push_back(&member);
  std::ranges::stable_sort(sorted, {},
                           [](const JsonMember* m) { return std::string_view(m->name); });
  const auto twin = std::ranges::adjacent_find(
      sorted, {}, [](const JsonMember* m) { return std::string_view(m->name); });
  return twin == sorted.end() ? nullptr : *(twin + 1);
}

std::expected<JsonValue, Diagnostic> read_json(std::string_view text, const std::string& file,
                                               const ReadLimits& limits) {
  auto value = read(text, limits);
  if (!value) value.error().file = file;
  return value;
}

Result<JsonValue> parse_json(std::string_view text, const ReadLimits& limits) {
  auto value = read(text, limits);
  if (value) return std::move(*value);
  const Diagnostic& wrong = value.error();
  std::string place;
  if (wrong.line != 0)
    place = "line " + std::to_string(wrong.line) + ", column " + std::to_string(wrong.column);
  return fail("bad_json", wrong.message, place);
}

}  // namespace flagmesh::flags
