// What a validator asks of an epoch besides being right: how many users a flag may move within a
// time, when changes may be, which flags are frozen, and whether approvers have to have signed a
// lock. Judged against the state that was cosigned last. A kill (flags::is_kill) is always allowed:
// what only stops a flag passes whatever else is asked, and is not counted as moving anybody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/snapshot/flag_table.h"
#include "merkle/hash.h"
#include "proxy/base/result.h"

namespace flagmesh::validator {

// A flag that an epoch changed: what later epochs within the window are added to.
struct Move {
  int64_t time = 0;    // seconds since 1970, when it was cosigned
  uint64_t epoch = 0;  // that it was cosigned in
  uint32_t ppm = 0;    // of the users
  std::string tenant;
  std::string flag;

  bool operator==(const Move&) const = default;
};

// A lock that was used: it allows one transition, once.
struct UsedLock {
  int64_t not_after = 0;  // seconds since 1970: then it is of no use anyway
  uint64_t epoch = 0;     // that it was cosigned for
  merkle::Hash body;      // SHA-256 of the body

  bool operator==(const UsedLock&) const = default;
};

// What is kept of former epochs, on disk (signed_log.h).
struct PolicyMemory {
  std::vector<Move> moves;
  std::vector<UsedLock> locks;

  bool operator==(const PolicyMemory&) const = default;
};

// A value; pure but for what it is given.
class Policy {
 public:
  // An epoch to judge. References live for the call.
  struct Case {
    uint64_t epoch = 0;
    int64_t now = 0;                    // seconds since 1970, this machine's clock
    const snapshot::FlagTable& before;  // the state that was cosigned last
    const snapshot::FlagTable& after;
    bool metadata_changed = false;  // of any flag set
    // How each tenant's tree changes: the roots that it may come from (nothing: no such tenant),
    // and the one that it goes to. Those without change are left out.
    struct Tenant {
      std::string name;
      std::vector<std::optional<merkle::Hash>> from;
      merkle::Hash to;
    };
    std::vector<Tenant> tenants = {};
    const std::string& lock;  // a lock file's text; empty: none came along
    uint64_t head = 0;        // epoch in force
  };

  explicit Policy(config::PolicyConfig rules) : rules_(std::move(rules)) {}

  bool restricts() const { return rules_.restricts(); }

  // The memory with this epoch in it, or why it is refused. Codes: "frozen_flag", "outside_hours",
  // "share_moved", "lock_required" (none came), "lock_spent", and those of lockfile/approval.h and
  // LockFile::parse.
  Result<PolicyMemory> judge(const Case& what, const PolicyMemory& memory) const;

 private:
  bool is_frozen(std::string_view key) const;
  Status check_hours(int64_t now) const;
  Status check_lock(const Case& what, PolicyMemory& memory) const;

  config::PolicyConfig rules_;
};

}  // namespace flagmesh::validator
