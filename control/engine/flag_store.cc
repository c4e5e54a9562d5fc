#include "control/engine/flag_store.h"

#include <utility>

#include "control/flags/canonical_flag.h"
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

const FlagStore::Flag* FlagStore::find(std::string_view key) const {
  const auto found = flags_.find(key);
  return found == flags_.end() ? nullptr : &found->second;
}

std::string FlagStore::over_of(std::string_view key) const {
  const auto filed = files_.find(key);
  return filed == files_.end() ? std::string(kNoFile)
                               : merkle::sha256(filed->second.canonical).hex();
}

void FlagStore::put(const flags::FlagDefinition& definition, std::string canonical, FlagOwner owner,
                    std::string over) {
  flags_.insert_or_assign(definition.key,
                          Flag{definition, std::move(canonical), owner, std::move(over)});
}

std::vector<FlagChange> FlagStore::load(const flags::FlagSet& set) {
  std::vector<FlagChange> changes;
  files_.clear();
  for (const flags::FlagDefinition& flag : set.flags) {
    files_.emplace(flag.key, Filed{flag, flags::canonical_flag(flag)});
  }
  std::vector<std::string> gone;
  for (const auto& [key, flag] : flags_) {
    if (files_.contains(key) || flag.owner == FlagOwner::kApi) continue;
    gone.push_back(key);
  }
  for (const std::string& key : gone) {
    flags_.erase(key);
    changes.push_back({key, std::nullopt, {}, std::string(kFileAuthor), "removed"});
  }
  for (const auto& [key, filed] : files_) {
    const Flag* now = find(key);
    if (now != nullptr && now->owner != FlagOwner::kFile && now->over == over_of(key)) continue;
    const bool forgets = now != nullptr && now->owner != FlagOwner::kFile;
    if (now != nullptr && now->canonical == filed.canonical && !forgets) continue;
    put(filed.definition, filed.canonical, FlagOwner::kFile, {});
    changes.push_back({key,
                       filed.canonical,
                       {},
                       std::string(kFileAuthor),
                       forgets ? "defined anew, what lay over it is forgotten" : "defined"});
  }
  std::string metadata = flags::canonical_flag_set_metadata(set);
  if (metadata != metadata_) {
    metadata_ = std::move(metadata);
    changes.push_back({{},
                       metadata_.empty() ? std::nullopt : std::optional(metadata_),
                       {},
                       std::string(kFileAuthor),
                       "metadata"});
  }
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
    flags_.erase(change.key);
    return change;
  }
  put(filed->second.definition, filed->second.canonical, FlagOwner::kFile, {});
  change.json = filed->second.canonical;
  return change;
}

Result<FlagChange> FlagStore::apply(std::string_view key, const FlagRequest& request,
                                    std::string author) {
  FlagChange change{std::string(key), std::nullopt, {}, std::move(author), request.text()};
  const Flag* flag = find(key);
  if (flag == nullptr && !request.definition) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : flags_) keys.push_back(name);
    const std::string near = nearest(change.key, keys);
    return fail("unknown_flag", "there is no flag '" + change.key + "'", {},
                near.empty() ? "" : "did you mean '" + near + "'?");
  }
  if (request.reset) return reset(*flag, std::move(change));
  Result<flags::FlagDefinition> definition =
      request.definition ? *request.definition : changed(flag->definition, request);
  if (!definition) return std::unexpected(definition.error());
  change.json = flags::canonical_flag(*definition);
  change.over = over_of(key);
  put(*definition, *change.json, change.over == kNoFile ? FlagOwner::kApi : FlagOwner::kOverlay,
      change.over);
  return change;
}

Status FlagStore::restore(const FlagChange& change) {
  if (change.over.empty()) {
    flags_.erase(change.key);
    return {};
  }
  auto definition = flags::parse_canonical_flag(change.json.value_or(""));
  if (!definition) return std::unexpected(definition.error());
  put(*definition, *change.json, change.over == kNoFile ? FlagOwner::kApi : FlagOwner::kOverlay,
      change.over);
  return {};
}

}  // namespace flagmesh::engine
