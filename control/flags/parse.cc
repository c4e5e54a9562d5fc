#include "control/flags/parse.h"

#include <algorithm>
#include <unordered_map>

#include "control/flags/evaluators.h"
#include "control/flags/flag_reader.h"
#include "control/flags/report.h"
#include "control/flags/yaml.h"

namespace flagmesh::flags {

namespace {

// Two flags of one array or of two files may have the same key; in a map the reader has refused it.
void refuse_repeated_keys(const std::vector<FlagDefinition>& flags, const std::string& file,
                          Diagnostics& out) {
  std::unordered_map<std::string_view, Mark> seen;
  for (const FlagDefinition& flag : flags) {
    if (!seen.emplace(flag.key, flag.mark).second) {
      out.push_back(
          error_at(file, flag.mark, "flag '" + flag.key + "' is defined twice", "keep one"));
    }
  }
}

void read_array(const JsonValue& flags, const FileContext& context, ParsedFlags& result) {
  for (const JsonValue& item : flags.array()) {
    const JsonValue* key = item.find("key");
    if (key == nullptr || !key->is_string()) {
      result.diagnostics.push_back(
          error_at(context.file, item.mark(), "a flag in a list has no 'key'", "add key: NAME"));
      continue;
    }
    result.flags.flags.push_back(
        read_flag(item, key->string(), key->mark(), true, context, result.diagnostics));
  }
  refuse_repeated_keys(result.flags.flags, context.file, result.diagnostics);
}

void read_flags(const JsonValue& root, const FileContext& context, ParsedFlags& result) {
  const JsonValue* flags = root.find("flags");
  if (flags == nullptr) {
    result.diagnostics.push_back(
        error_at(context.file, root.mark(), "no 'flags' in this file", "add flags: { … }"));
  } else if (flags->is_array()) {
    read_array(*flags, context, result);
  } else if (flags->is_object()) {
    result.flags.flags.reserve(flags->object().size());
    for (const JsonMember& member : flags->object()) {
      result.flags.flags.push_back(
          read_flag(member.value, member.name, member.mark, false, context, result.diagnostics));
    }
  } else {
    result.diagnostics.push_back(
        error_at(context.file, flags->mark(), "'flags' is neither a map nor a list"));
  }
}

void read_evaluators(const JsonValue& value, const std::string& file, ParsedFlags& result) {
  if (value.is_null()) return;
  if (!value.is_object()) {
    result.diagnostics.push_back(
        error_at(file, value.mark(), "'$evaluators' is not a map from name to rule"));
    return;
  }
  for (const JsonMember& member : value.object()) {
    if (!member.value.is_object() || member.value.object().empty()) {
      result.diagnostics.push_back(
          error_at(file, member.value.mark(), "evaluator '" + member.name + "' is not a rule"));
      return;
    }
  }
  result.flags.evaluators = value;
}

bool is_tenant(std::string_view name) {
  const auto inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= kTenantBytes && std::ranges::all_of(name, inner) &&
         name.front() != '-' && name.back() != '-';
}

ParsedFlags start(const std::string& file, std::string_view tenant) {
  ParsedFlags result;
  result.flags.tenant = tenant;
  if (!is_tenant(tenant)) {
    result.diagnostics.push_back(error_at(file, {},
                                          "'" + std::string(tenant) + "' is not a tenant's name",
                                          "use small letters, digits and '-', at most 63"));
  }
  return result;
}

void sort_by_place(Diagnostics& diagnostics) {
  std::ranges::stable_sort(diagnostics, {},
                           [](const Diagnostic& d) { return std::pair(d.line, d.column); });
}

}  // namespace

ParsedFlags parse_flag_file(std::string_view text, const std::string& file,
                            std::string_view tenant) {
  ParsedFlags result = start(file, tenant);
  const auto root = read_document(text, file);
  if (!root) {
    result.diagnostics.push_back(root.error());
    return result;
  }
  if (!root->is_object()) {
    result.diagnostics.push_back(error_at(
        file, root->mark(), root->is_null() ? "the file is empty" : "the file is not a map",
        "start with 'flags:'"));
    return result;
  }
  static const std::vector<std::string> kKnown = {"flags", "$evaluators", "segments", "metadata",
                                                  "$schema"};
  for (const JsonMember& member : root->object()) {
    report_unknown_key(member, kKnown, "the file", file, result.diagnostics);
    if (member.name == "$evaluators") read_evaluators(member.value, file, result);
    if (member.name == "metadata")
      result.flags.metadata = read_metadata(member.value, file, result.diagnostics);
    if (member.name == "segments") check_segments(member.value, file, result.diagnostics);
  }
  static const JsonValue kNone;
  const JsonValue* segments = root->find("segments");
  read_flags(*root,
             FileContext{file, tenant, result.flags.evaluators, segments == nullptr ? kNone : *segments},
             result);
  sort_by_place(result.diagnostics);
  return result;
}

ParsedFlags parse_flag_value(const JsonValue& value, std::string_view key, const std::string& file,
                             std::string_view tenant) {
  ParsedFlags result = start(file, tenant);
  const JsonValue no_evaluators;
  result.flags.flags.push_back(read_flag(value, key, value.mark(), false,
                                         FileContext{file, tenant, no_evaluators, no_evaluators},
                                         result.diagnostics));
  sort_by_place(result.diagnostics);
  return result;
}

void merge_flag_sets(FlagSet& into, FlagSet more, const std::string& more_name, Diagnostics& out) {
  for (FlagDefinition& flag : more.flags) into.flags.push_back(std::move(flag));
  refuse_repeated_keys(into.flags, more_name, out);
  for (auto [mine, theirs] :
       {std::pair{&into.metadata, &more.metadata}, std::pair{&into.evaluators, &more.evaluators}}) {
    if (theirs->is_null()) continue;
    JsonValue::Object members = mine->is_object() ? mine->object() : JsonValue::Object();
    for (const JsonMember& member : theirs->object()) {
      const JsonValue* present = mine->find(member.name);
      if (present == nullptr) {
        members.push_back(member);
      } else if (mine == &into.metadata && !(*present == member.value)) {
        out.push_back(error_at(more_name, member.mark,
                               "metadata '" + member.name + "' has another value in another file",
                               "keep one"));
      }
    }
    *mine = JsonValue(std::move(members));
  }
}

}  // namespace flagmesh::flags
