// `engine.require_lock`: what the files define is published only when a lock file allows exactly
// that step from the state in force, signed by enough approvers (lockfile/approval.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/config/config.h"
#include "control/engine/flag_store.h"
#include "merkle/hash.h"
#include "merkle/state_tree.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

// Root of the tenant's tree as these flags would be published.
merkle::Hash tenant_root(const FlagStore& flags, const merkle::TenantSecret& secret);

// A value; reads the lock file each time it is asked.
class LockGate {
 public:
  LockGate(config::LockRule rule, std::string file)
      : rule_(std::move(rule)), file_(std::move(file)) {}

  bool asks() const { return rule_.asked_for(); }
  const std::string& file() const { return file_; }

  // The lock file's text, when it allows the tenant to go from `base` (nothing: it does not exist)
  // to `to` now. Codes: "lock_required" (there is none), those of LockFile::parse and of
  // approval.h; the place is the file.
  Result<std::string> allow(const std::string& tenant, const std::optional<merkle::Hash>& base,
                            const merkle::Hash& to, int64_t unix_seconds) const;

 private:
  config::LockRule rule_;
  std::string file_;
};

}  // namespace flagmesh::engine
