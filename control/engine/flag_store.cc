#include "control/engine/flag_store.h"

#include <utility>

#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/prerequisites.h"
#include "control/flags/read_json.h"
#include "merkle/hash.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::engine {
namespace {

constexpr std::string_view kNoFile = "none";
constexpr std::string_view kFileAuthor = "file";

Result<flags::FlagDefinition> changed(const flags::FlagDefinition& flag,
                                      const FlagRequest& request) {
  if (request.rollout) {
    auto result = flags::set_rollout(flag, *request.rollout);
    if (!result && result.error().code == "no_fractional") {
      result.error().mend =
          "if the flag was killed, reset it first; else give it a rollout in its definition";
    }
    return result;
  }
  if (request.enabled) return flags::set_enabled(flag, *request.enabled);
  return flags::kill(flag, *request.kill);
}

// FlagChange::source.
std::string source_of(const flags::FlagDefinition& flag) {
  if (flag.prerequisites.empty()) return {};
  flags::JsonValue::Object object;
  object.push_back({"prerequisites", flags::prerequisites_json(flag.prerequisites)});
  object.push_back({"targeting", flag.own_targeting});
  return flags::canonical_json(flags::JsonValue(std::move(object)));
}

// Its canonical form before its prerequisites are put in, and what they are.
std::string identity_of(const flags::FlagDefinition& flag) {
  if (flag.prerequisites.empty()) return flags::canonical_flag(flag);
  flags::FlagDefinition own = flag;
  own.targeting = flag.own_targeting;
  return flags::canonical_flag(own) + source_of(flag);
}

Status read_source(const std::string& source, flags::FlagDefinition& flag) {
  if (source.empty()) return {};
  const auto object = flags::parse_json(source);
  if (!object) return std::unexpected(object.error());
  Diagnostics mistakes;
  const flags::JsonValue* list = object->find("prerequisites");
  if (list != nullptr) flags::read_prerequisites(*list, "history", flag, mistakes);
  if (const flags::JsonValue* own = object->find("targeting")) flag.own_targeting = *own;
  if (has_errors(mistakes)) return fail("bad_flag", mistakes.front().message);
  return {};
}

}  // namespace

std::string FlagRequest::text() const {
  if (rollout) {
    std::string text = "rollout ";
    for (const auto& [name, weight] : *rollout) {
      if (text.back() != ' ') text.append(",");
      text.append(name).append("=").append(std::to_string(weight));
    }
    return text;
  }
  if (enabled) return *enabled ? "enabled" : "disabled";
  if (kill) return "kill " + *kill;
  return definition ? "definition" : "reset";
}

std::string_view owner_name(FlagOwner owner) {
  switch (owner) {
    case FlagOwner::kFile:
      return "file";
    case FlagOwner::kOverlay:
      return "overlay";
    default:
      return "api";
  }
}

std::shared_ptr<const flags::CompiledFlag> FlagStore::Flag::compiled() const {
  if (compiled_ == nullptr) {
    if (auto made = flags::CompiledFlag::compile(definition)) compiled_ = std::move(*made);
  }
  return compiled_;
}

const FlagStore::Flag* FlagStore::find(std::string_view key) const {
  const auto found = flags_.find(key);
  return found == flags_.end() ? nullptr : &found->second;
}

std::string FlagStore::over_of(std::string_view key) const {
  const auto filed = files_.find(key);
  return filed == files_.end() ? std::string(kNoFile)
                               : merkle::sha256(filed->second.identity).hex();
}

void FlagStore::forget(std::string_view key) {
  if (const auto known = flags_.find(key); known != flags_.end()) flags_.erase(known);
  if (const auto known = dependent_.find(key); known != dependent_.end()) dependent_.erase(known);
  ++revision_;
}

Result<flags::FlagDefinition> FlagStore::resolved(flags::FlagDefinition definition) const {
  if (definition.prerequisites.empty()) return definition;
  auto targeting = flags::with_prerequisites(
      definition, [&](std::string_view key) -> const flags::FlagDefinition* {
        if (key == definition.key) return &definition;
        const Flag* flag = find(key);
        return flag == nullptr ? nullptr : &flag->definition;
      });
  if (!targeting) return std::unexpected(targeting.error());
  definition.targeting = std::move(*targeting);
  return definition;
}

void FlagStore::settle(std::vector<FlagChange>& changes) {
  const std::set<std::string, std::less<>> dependent = dependent_;
  for (const std::string& key : dependent) {
    const Flag flag = *find(key);
    auto definition = resolved(flag.definition);
    // A circle is refused where it is made; a file may make one with what lies over another file.
    if (!definition) continue;
    std::string canonical = flags::canonical_flag(*definition);
    if (canonical == flag.canonical) continue;
    put(*definition, canonical, flag.owner, flag.over);
    flags_.find(key)->second.filed = flag.filed;
    changes.push_back({key, std::move(canonical), flag.over, "prerequisite",
                       "a prerequisite changed",
                       flag.owner == FlagOwner::kFile ? std::string() : source_of(*definition)});
  }
}

void FlagStore::put(const flags::FlagDefinition& definition, std::string canonical, FlagOwner owner,
                    std::string over) {
  Flag flag;
  flag.definition = definition;
  flag.canonical = std::move(canonical);
  flag.owner = owner;
  flag.over = std::move(over);
  if (definition.prerequisites.empty()) {
    if (const auto known = dependent_.find(definition.key); known != dependent_.end())
      dependent_.erase(known);
  } else {
    dependent_.insert(definition.key);
  }
  flags_.insert_or_assign(definition.key, std::move(flag));
  ++revision_;
}

std::vector<FlagChange> FlagStore::load(const flags::FlagSet& set) {
  std::vector<FlagChange> changes;
  files_.clear();
  for (const flags::FlagDefinition& flag : set.flags) {
    files_.emplace(flag.key, Filed{flag, flags::canonical_flag(flag), identity_of(flag)});
  }
  std::vector<std::string> gone;
  for (const auto& [key, flag] : flags_) {
    if (files_.contains(key) || flag.owner == FlagOwner::kApi) continue;
    gone.push_back(key);
  }
  for (const std::string& key : gone) {
    forget(key);
    changes.push_back({key, std::nullopt, {}, std::string(kFileAuthor), "removed"});
  }
  for (const auto& [key, filed] : files_) {
    const Flag* now = find(key);
    if (now != nullptr && now->owner != FlagOwner::kFile && now->over == over_of(key)) continue;
    const bool forgets = now != nullptr && now->owner != FlagOwner::kFile;
    if (now != nullptr && now->filed == filed.identity && !forgets) continue;
    put(filed.definition, filed.canonical, FlagOwner::kFile, {});
    flags_.find(key)->second.filed = filed.identity;
    changes.push_back({key,
                       filed.canonical,
                       {},
                       std::string(kFileAuthor),
                       forgets ? "defined anew, what lay over it is forgotten" : "defined"});
  }
  std::string metadata = flags::canonical_flag_set_metadata(set);
  if (metadata != metadata_) {
    metadata_ = std::move(metadata);
    ++revision_;
    changes.push_back({{},
                       metadata_.empty() ? std::nullopt : std::optional(metadata_),
                       {},
                       std::string(kFileAuthor),
                       "metadata"});
  }
  settle(changes);
  return changes;
}

std::vector<FlagChange> FlagStore::load_only(const flags::FlagSet& set) {
  const Flags before = flags_;
  for (const auto& [key, flag] : before) {
    if (flag.owner != FlagOwner::kFile) forget(key);
  }
  std::vector<FlagChange> changes = load(set);
  for (const auto& [key, flag] : before) {
    if (flag.owner == FlagOwner::kFile || find(key) != nullptr) continue;
    changes.push_back({key, std::nullopt, {}, std::string(kFileAuthor), "removed"});
  }
  std::erase_if(changes, [&](const FlagChange& change) {
    const auto old = before.find(change.key);
    return !change.key.empty() && change.json && old != before.end() &&
           old->second.canonical == *change.json && old->second.owner == FlagOwner::kFile;
  });
  return changes;
}

Result<FlagChange> FlagStore::reset(const Flag& flag, FlagChange change) {
  if (flag.owner == FlagOwner::kFile) {
    return fail("nothing_to_reset",
                "flag '" + change.key + "' is as its file defines it: nothing lies over it", {},
                "change or remove it in the file");
  }
  const auto filed = files_.find(change.key);
  if (filed == files_.end()) {
    forget(change.key);
    return change;
  }
  put(filed->second.definition, filed->second.canonical, FlagOwner::kFile, {});
  flags_.find(change.key)->second.filed = filed->second.identity;
  change.json = filed->second.canonical;
  return change;
}

Result<std::vector<FlagChange>> FlagStore::apply(std::string_view key, const FlagRequest& request,
                                                 std::string author, bool settles) {
  FlagChange change{std::string(key), std::nullopt, {}, std::move(author), request.text()};
  const Flag* flag = find(key);
  if (flag == nullptr && !request.definition) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : flags_) keys.push_back(name);
    const std::string near = nearest(change.key, keys);
    return fail("unknown_flag", "there is no flag '" + change.key + "'", {},
                near.empty() ? "" : "did you mean '" + near + "'?");
  }
  std::vector<FlagChange> changes;
  if (request.reset) {
    auto done = reset(*flag, std::move(change));
    if (!done) return std::unexpected(done.error());
    changes.push_back(std::move(*done));
    if (settles) settle(changes);
    return changes;
  }
  Result<flags::FlagDefinition> definition =
      request.definition ? *request.definition : changed(flag->definition, request);
  if (definition) definition = resolved(std::move(*definition));
  if (!definition) return std::unexpected(definition.error());
  if (auto wrong = flags::check_targeting(*definition)) return fail("too_large", wrong->message);
  change.source = source_of(*definition);
  change.json = flags::canonical_flag(*definition);
  change.over = over_of(key);
  put(*definition, *change.json, change.over == kNoFile ? FlagOwner::kApi : FlagOwner::kOverlay,
      change.over);
  changes.push_back(std::move(change));
  if (settles) settle(changes);
  return changes;
}

Status FlagStore::adopt(const flags::FlagSet& set,
                        const std::map<std::string, std::string>& canonical, std::string metadata) {
  load_only(set);
  metadata_ = std::move(metadata);
  std::vector<std::string> gone;
  for (const auto& [key, flag] : flags_) {
    if (!canonical.contains(key)) gone.push_back(key);
  }
  for (const std::string& key : gone) forget(key);
  for (const auto& [key, json] : canonical) {
    const Flag* flag = find(key);
    if (flag != nullptr && flag->canonical == json) continue;
    auto definition = flags::parse_canonical_flag(json);
    if (!definition) return std::unexpected(definition.error());
    const std::string over = over_of(key);
    put(*definition, json, over == kNoFile ? FlagOwner::kApi : FlagOwner::kOverlay, over);
  }
  return {};
}

std::vector<FlagChange> differences(const FlagStore& before, const FlagStore& after) {
  std::vector<FlagChange> changes;
  for (const auto& [key, flag] : after.flags()) {
    const FlagStore::Flag* old = before.find(key);
    if (old != nullptr && old->canonical == flag.canonical && old->over == flag.over) continue;
    if (flag.over.empty() && (old == nullptr || old->over.empty())) continue;  // the files say it
    changes.push_back({.key = key, .json = flag.canonical, .over = flag.over});
  }
  for (const auto& [key, flag] : before.flags()) {
    if (after.find(key) == nullptr && !flag.over.empty()) changes.push_back({key, std::nullopt});
  }
  return changes;
}

void FlagStore::restore_flag(const FlagStore& other, std::string_view key) {
  const Flag* flag = other.find(key);
  if (flag == nullptr) return forget(key);
  const Flag kept = *flag;
  put(kept.definition, kept.canonical, kept.owner, kept.over);
  flags_.find(key)->second.filed = kept.filed;
}

Status FlagStore::restore(const FlagChange& change) {
  if (change.over.empty()) {
    forget(change.key);
    return {};
  }
  auto definition = flags::parse_canonical_flag(change.json.value_or(""));
  if (!definition) return std::unexpected(definition.error());
  if (auto read = read_source(change.source, *definition); !read) return read;
  put(*definition, *change.json, change.over == kNoFile ? FlagOwner::kApi : FlagOwner::kOverlay,
      change.over);
  return {};
}

}  // namespace flagmesh::engine
