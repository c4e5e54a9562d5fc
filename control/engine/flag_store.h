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
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/change.h"
#include "control/flags/compiled_flag.h"
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
  // Prerequisites and own targeting as canonical JSON, where something lies over the file and has
  // any: they are not in `json`. Empty: none.
  std::string source = {};
  // It only stops the flag (flags::is_kill): it goes out alone, ahead of everything that waits. Not
  // in the history.
  bool kill = false;
};

enum class FlagOwner : uint8_t {
  kFile,     // as the file defines it
  kOverlay,  // changed over the file's definition
  kApi,      // no file defines it
};
std::string_view owner_name(FlagOwner owner);

class FlagStore;

// What FlagStore::restore needs to make `after` of `before`; the files are the same. Author and text
// are the caller's.
std::vector<FlagChange> differences(const FlagStore& before, const FlagStore& after);

// One owner, one thread. Changes take effect at once; publishing them is the caller's.
class FlagStore {
 public:
  explicit FlagStore(std::string tenant) : tenant_(std::move(tenant)) {}

  struct Flag {
    flags::FlagDefinition definition;
    std::string canonical;
    FlagOwner owner = FlagOwner::kFile;
    std::string over;   // as FlagChange::over; empty for kFile
    std::string filed;  // Filed::identity of the definition that it is; empty: it is another one
    // Compiled when it is first asked for. Null: it cannot be (never so for a flag that was
    // checked).
    std::shared_ptr<const flags::CompiledFlag> compiled() const;

   private:
    mutable std::shared_ptr<const flags::CompiledFlag> compiled_ = {};
  };
  using Flags = std::map<std::string, Flag, std::less<>>;  // by key

  const std::string& tenant() const { return tenant_; }
  const Flags& flags() const { return flags_; }
  const Flag* find(std::string_view key) const;
  // Canonical JSON of the flag set's metadata; empty: none.
  const std::string& metadata() const { return metadata_; }
  // One more with each change; never the same within a process.
  uint64_t revision() const { return revision_; }

  // What the files define now; gives what that changes. REQUIRES: the set has no errors, and its
  // prerequisites are resolved.
  std::vector<FlagChange> load(const flags::FlagSet& set);
  // The files and nothing else: what lies over them, and what no file defines, is forgotten.
  std::vector<FlagChange> load_only(const flags::FlagSet& set);

  // Applies a request, or says why not: the flag's change, and (when it `settles`) those of flags
  // that have it as a prerequisite. Codes: those of flags/change.h and flags/prerequisites.h, "unknown_flag" (the
  // mend names the nearest), "nothing_to_reset".
  Result<std::vector<FlagChange>> apply(std::string_view key, const FlagRequest& request,
                                        std::string author, bool settles = true);

  // The flags that are in force, with what the files define beneath them: what differs lies over
  // the files, and what the files have besides is not there. REQUIRES: as load(). Code "bad_flag".
  Status adopt(const flags::FlagSet& set, const std::map<std::string, std::string>& canonical,
               std::string metadata);

  // The flag as `other` has it, or gone when it does not.
  void restore_flag(const FlagStore& other, std::string_view key);

  // A change of a former run, in the order of the history, before the first load(). Code
  // "bad_flag".
  Status restore(const FlagChange& change);

 private:
  Result<FlagChange> reset(const Flag& flag, FlagChange change);
  // The definition with its prerequisites put in, from the flags as they are now.
  Result<flags::FlagDefinition> resolved(flags::FlagDefinition definition) const;
  // Flags whose prerequisites come out differently now.
  void settle(std::vector<FlagChange>& changes);
  void forget(std::string_view key);
  void put(const flags::FlagDefinition& definition, std::string canonical, FlagOwner owner,
           std::string over);
  std::string over_of(std::string_view key) const;

  struct Filed {
    flags::FlagDefinition definition;
    std::string canonical;
    std::string identity;  // of what the file says, whatever its prerequisites come to
  };

  std::string tenant_;
  Flags flags_;
  std::map<std::string, Filed, std::less<>> files_;  // what the files define
  std::string metadata_;
  std::set<std::string, std::less<>> dependent_;  // keys of flags with prerequisites
  uint64_t revision_ = 0;
};

}  // namespace flagmesh::engine
