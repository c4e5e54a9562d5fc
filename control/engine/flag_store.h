// The flags of one tenant as the engine wants them published: what the files define, and over it
// what the API and commands changed.
//
// One source owns a flag. A change through the API or a command lies over the file's definition,
// also after a restart, until the file defines *that flag* differently: then the file wins and the
// change is forgotten. A flag that no file defines belongs to the API until a file defines it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/change.h"
#include "control/flags/model.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

// What somebody asks for. Exactly one of the members is set.
struct FlagRequest {
  std::optional<flags::Weights> rollout;
  std::optional<bool> enabled;
  std::optional<std::string> kill;                  // serve this variant to everybody
  std::optional<flags::FlagDefinition> definition;  // create or replace
  bool reset = false;  // forget what lies over the file; an API flag goes

  // "rollout on=50,off=50": for the history.
  std::string text() const;
};

// One flag that changed: a line of the history, and what a restart needs to know.
struct FlagChange {
  std::string key;                  // empty: the flag set's metadata
  std::optional<std::string> json;  // canonical; nullopt: gone
  // What it lies over: the SHA-256 (hex) of the file's canonical definition, "none" when no file
  // defines the flag. Empty: nothing lies over the file any more.
  std::string over = {};
  std::string author = {};  // "file", "api", "command NAME"
  std::string what = {};
};

enum class FlagOwner : uint8_t {
  kFile,     // as the file defines it
  kOverlay,  // changed over the file's definition
  kApi,      // no file defines it
};
std::string_view owner_name(FlagOwner owner);

// One owner, one thread. Changes take effect at once; publishing them is the caller's.
class FlagStore {
 public:
  explicit FlagStore(std::string tenant) : tenant_(std::move(tenant)) {}

  struct Flag {
    flags::FlagDefinition definition;
    std::string canonical;
    FlagOwner owner = FlagOwner::kFile;
    std::string over;  // as FlagChange::over; empty for kFile
  };
  using Flags = std::map<std::string, Flag, std::less<>>;  // by key

  const std::string& tenant() const { return tenant_; }
  const Flags& flags() const { return flags_; }
  const Flag* find(std::string_view key) const;
  // Canonical JSON of the flag set's metadata; empty: none.
  const std::string& metadata() const { return metadata_; }

  // What the files define now; gives what that changes. REQUIRES: the set has no errors.
  std::vector<FlagChange> load(const flags::FlagSet& set);

  // Applies a request, or says why not. Codes: those of flags/change.h, "unknown_flag" (the mend
  // names the nearest), "nothing_to_reset".
  Result<FlagChange> apply(std::string_view key, const FlagRequest& request, std::string author);

  // A change of a former run, in the order of the history, before the first load(). Code
  // "bad_flag".
  Status restore(const FlagChange& change);

 private:
  Result<FlagChange> reset(const Flag& flag, FlagChange change);
  void put(const flags::FlagDefinition& definition, std::string canonical, FlagOwner owner,
           std::string over);
  std::string over_of(std::string_view key) const;

  struct Filed {
    flags::FlagDefinition definition;
    std::string canonical;
  };

  std::string tenant_;
  Flags flags_;
  std::map<std::string, Filed, std::less<>> files_;  // what the files define
  std::string metadata_;
};

}  // namespace flagmesh::engine
