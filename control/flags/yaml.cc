#include "control/flags/yaml.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "control/flags/report.h"
#include "control/flags/utf8.h"
#include "control/flags/yaml_scalar.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace flagmesh::flags {

namespace {

// Thrown through yaml-cpp, which has no other way to stop, and caught in read() below.
struct Refused {
  Diagnostic diagnostic;
};

Mark mark_from(const YAML::Mark& mark) {
  return Mark{static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
}

[[noreturn]] void refuse(Mark mark, std::string message, std::string mend = {}) {
  throw Refused{error_at({}, mark, std::move(message), std::move(mend))};
}

// What a copy of the value costs: its nodes, and its bytes at 64 for one node.
size_t weight_of(const JsonValue& value) {
  size_t weight = 1;
  if (value.is_string()) weight += value.string().size() / 64;
  if (value.is_array()) {
    for (const JsonValue& item : value.array()) weight += weight_of(item);
  }
  if (value.is_object()) {
    for (const JsonMember& member : value.object())
      weight += weight_of(member.value) + member.name.size() / 64;
  }
  return weight;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const ReadLimits& limits) : limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ != 0)
      refuse(mark_from(mark), "a second document", "remove the '---' line and what follows");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_name()) refuse(mark_from(mark), "a name is null", "put it in quotes");
    add(JsonValue::null_at(mark_from(mark)), anchor);
  }

  void OnScalar(const YAML::Mark& yaml_mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const Mark mark = mark_from(yaml_mark);
    if (utf8_error(text)) refuse(mark, "not UTF-8");
    if (text.find('\0') != text.npos) refuse(mark, "a string may not contain NUL");
    if (wants_name()) {
      if (anchor != 0) refuse(mark, "an anchor on a name", "remove it");
      name(text, mark);
      return;
    }
    auto value = resolve_tagged_scalar(tag, text, mark);
    if (!value) refuse(mark, value.error(), "put it in quotes if it is a text");
    add(std::move(*value), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (wants_name()) refuse(mark_from(mark), "an alias as a name", "write the name out");
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark_from(mark), "an alias inside what it stands for");
    spend_on_copy(found->second.weight, mark_from(mark));
    count(found->second.weight, mark_from(mark));
    if (open_.size() + found->second.depth > limits_.depth) too_deep(mark_from(mark));
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, found->second.depth + 1);
    attach(found->second.value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(tag, "seq", mark_from(mark));
    open(false, mark_from(mark), anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(tag, "map", mark_from(mark));
    open(true, mark_from(mark), anchor);
  }
  void OnMapEnd() override {
    if (const JsonMember* twin = repeated_name(open_.back().members)) {
      refuse(twin->mark, "'" + twin->name + "' appears twice", "keep one");
    }
    close();
  }

  JsonValue take_root() { return std::move(root_); }

 private:
  struct Level {
    bool is_object = false;
    bool has_name = false;  // a name was read, its value is next
    Mark mark = {};
    YAML::anchor_t anchor = 0;
    size_t depth = 1;  // levels from here down
    JsonValue::Array items = {};
    JsonValue::Object members = {};
  };
  struct Anchored {
    JsonValue value;
    size_t weight = 0;
    size_t depth = 0;
  };

  bool wants_name() const {
    return !open_.empty() && open_.back().is_object && !open_.back().has_name;
  }

  [[noreturn]] void too_deep(Mark mark) const {
    refuse(mark, "nested deeper than " + std::to_string(limits_.depth) + " levels");
  }

  static void check_tag(const std::string& tag, const std::string& core, Mark mark) {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:" + core) {
      refuse(mark, "unknown tag '" + tag + "'", "remove it");
    }
  }

  void count(size_t nodes, Mark mark) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes)
      refuse(mark, "more than " + std::to_string(limits_.nodes) + " values");
  }

  void spend_on_copy(size_t weight, Mark mark) {
    copied_ += weight;
    if (copied_ > limits_.alias_nodes) {
      refuse(
          mark,
          "anchors and aliases repeat more than " + std::to_string(limits_.alias_nodes) + " values",
          "write fewer aliases");
    }
  }

  void open(bool is_object, Mark mark, YAML::anchor_t anchor) {
    if (wants_name()) refuse(mark, "a name that is a list or a map", "names are texts");
    if (open_.size() >= limits_.depth) too_deep(mark);
    count(1, mark);
    open_.push_back(Level{.is_object = is_object, .mark = mark, .anchor = anchor});
  }

  void close() {
    Level level = std::move(open_.back());
    open_.pop_back();
    JsonValue value = level.is_object ? JsonValue(std::move(level.members), level.mark)
                                      : JsonValue(std::move(level.items), level.mark);
    remember(value, level.anchor, level.depth);
    if (!open_.empty()) open_.back().depth = std::max(open_.back().depth, level.depth + 1);
    attach(std::move(value));
  }

  void name(const std::string& text, Mark mark) {
    Level& level = open_.back();
    level.members.push_back(JsonMember{text, {}, mark});
    level.has_name = true;
  }

  void add(JsonValue value, YAML::anchor_t anchor) {
    count(1, value.mark());
    remember(value, anchor, 0);
    attach(std::move(value));
  }

  void remember(const JsonValue& value, YAML::anchor_t anchor, size_t depth) {
    if (anchor == 0) return;
    const size_t weight = weight_of(value);
    spend_on_copy(weight, value.mark());
    anchors_[anchor] = Anchored{value, weight, depth};
  }

  void attach(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().members.back().value = std::move(value);
      open_.back().has_name = false;
    } else {
      open_.back().items.push_back(std::move(value));
    }
  }

  const ReadLimits& limits_;
  std::vector<Level> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  JsonValue root_;
  size_t nodes_ = 0;
  size_t copied_ = 0;
  unsigned documents_ = 0;
};

// Characters that YAML does not allow unescaped (§5.1) and that yaml-cpp would take.
std::optional<size_t> control_character(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) return i;
  }
  return std::nullopt;
}

std::expected<JsonValue, Diagnostic> read(std::string_view text, const ReadLimits& limits) {
  if (text.size() > limits.bytes) {
    return std::unexpected(
        error_at({}, {}, "longer than " + std::to_string(limits.bytes) + " bytes"));
  }
  if (const auto bad = utf8_error(text))
    return std::unexpected(error_at({}, mark_of(text, *bad), "not UTF-8"));
  if (const auto bad = control_character(text)) {
    return std::unexpected(
        error_at({}, mark_of(text, *bad), "a control character", "escape it in double quotes"));
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(limits);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_root();
  } catch (const Refused& refused) {
    return std::unexpected(refused.diagnostic);
  } catch (const YAML::Exception& wrong) {
    return std::unexpected(
        error_at({}, wrong.mark.is_null() ? Mark{} : mark_from(wrong.mark), wrong.msg));
  } catch (const std::exception& wrong) {
    return std::unexpected(error_at({}, {}, wrong.what()));
  }
}

}  // namespace

std::expected<JsonValue, Diagnostic> read_yaml(std::string_view text, const std::string& file,
                                               const ReadLimits& limits) {
  auto value = read(text, limits);
  if (!value) value.error().file = file;
  return value;
}

std::expected<JsonValue, Diagnostic> read_document(std::string_view text, const std::string& file,
                                                   const ReadLimits& limits) {
  return file.ends_with(".json") ? read_json(text, file, limits) : read_yaml(text, file, limits);
}

}  // namespace flagmesh::flags
