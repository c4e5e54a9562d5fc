// The state that a lock and its flag files prove by themselves: what a router boots from when it
// has neither a journal nor Redis.
#pragma once

#include "control/config/config.h"
#include "control/snapshot/journal.h"
#include "proxy/base/result.h"

namespace flagmesh {

// `flags.lock` and `flags.files` in the form of a journal, for Acceptance::restore to verify: the
// lock's published trailer (`flagmesh prove --lock`) has the checkpoint. Codes: of reading and
// parsing, "differs" (the files are not those of the lock), "not_published" (no trailer, or not of
// the newest epoch of its checkpoint), and of check_published.
Result<snapshot::StoredTrust> state_from_lock(const config::FlagsConfig& flags);

}  // namespace flagmesh
