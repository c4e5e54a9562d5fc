#include "lockfile/approval.h"

#include <set>
#include <utility>
#include <vector>

#include "lockfile/lock_time.h"
#include "merkle/note.h"

namespace flagmesh::lockfile {

namespace {

std::unexpected<Error> wrong_key(const merkle::VerifierKey& key) {
  return fail("wrong_key",
              "'" + key.name() + "' is a key of type " + std::string(to_string(key.type())) +
                  ", not an approver's",
              {}, "make one with flagmesh keygen --type approval");
}

std::string shown(const std::optional<merkle::Hash>& root) {
  return root ? root->hex() : "no tenant";
}

}  // namespace

Status approve(LockFile& file, const merkle::SigningKey& key) {
  if (key.verifier().type() != merkle::SignatureType::kApproval) return wrong_key(key.verifier());
  merkle::Note note{file.lock.text(), std::move(file.approvals)};
  Result<merkle::NoteSignature> signature = merkle::sign_text(note.text, key, 0);
  if (signature) merkle::put_signature(note, std::move(*signature));
  file.approvals = std::move(note.signatures);
  return signature ? Status() : std::unexpected(signature.error());
}

Status check_approvals(const LockFile& file, std::span<const merkle::VerifierKey> approvers,
                       size_t required) {
  for (const merkle::VerifierKey& key : approvers) {
    if (key.type() != merkle::SignatureType::kApproval) return wrong_key(key);
  }
  std::set<merkle::Hash> signers;
  const merkle::Note note{file.lock.text(), file.approvals};
  Result<std::vector<merkle::VerifiedSignature>> verified = merkle::verify_note(note, approvers);
  if (verified) {
    for (const auto& signature : *verified) signers.insert(approvers[signature.key].public_key());
  } else if (verified.error().code != "no_known_signature") {
    return std::unexpected(verified.error());
  }
  if (signers.size() < required)
    return fail("not_enough_approvals",
                "the lock has " + std::to_string(signers.size()) + " of " +
                    std::to_string(required) + " approvals",
                {}, "let another approver run flagmesh lock sign");
  return {};
}

Status check_transition(const Lock& lock, std::string_view tenant,
                        const std::optional<merkle::Hash>& base_root, const merkle::Hash& new_root,
                        int64_t unix_seconds) {
  if (lock.tenant != tenant)
    return fail("wrong_tenant",
                "the lock is for tenant " + lock.tenant + ", not for " + std::string(tenant));
  if (unix_seconds > lock.not_after)
    return fail("lock_expired", "the lock ended at " + format_time(lock.not_after));
  if (lock.base_root != base_root)
    return fail("wrong_base_root", "the lock starts from " + shown(lock.base_root) +
                                       ", the state is " + shown(base_root));
  if (lock.tenant_root != new_root)
    return fail("wrong_tenant_root",
                "the lock leads to " + shown(lock.tenant_root) + ", not to " + shown(new_root));
  return {};
}

}  // namespace flagmesh::lockfile
