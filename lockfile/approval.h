// Approvals of a lock: signatures of its body by approvers' keys (type kApproval), and what a lock
// allows. Engine and validator ask here before they accept an epoch. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "lockfile/lock_file.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::lockfile {

// Adds the approver's signature, or replaces the one that it gave before. Codes "wrong_key" (no
// approver's key), "sign_failed".
Status approve(LockFile& file, const merkle::SigningKey& key);

// At least `required` of the approvers signed the body, and none of them wrongly. A public key
// counts once, under however many names. Codes "bad_signature", "not_enough_approvals" (the message
// counts), "wrong_key" (one of `approvers` is of another type).
Status check_approvals(const LockFile& file, std::span<const merkle::VerifierKey> approvers,
                       size_t required);

// The lock allows the tenant to go from `base_root` (nothing: it does not exist) to `new_root` at
// this time. Codes "wrong_tenant", "lock_expired", "wrong_base_root", "wrong_tenant_root".
Status check_transition(const Lock& lock, std::string_view tenant,
                        const std::optional<merkle::Hash>& base_root, const merkle::Hash& new_root,
                        int64_t unix_seconds);

}  // namespace flagmesh::lockfile
