// Reads a whole state from a carrier: manifest, chunks, and the log leaves from where the reader
// is. Proves nothing; what it brings goes to StateReplica or Acceptance.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/snapshot/carrier.h"
#include "control/snapshot/published_state.h"
#include "proxy/base/result.h"

namespace flagmesh::redis {

struct FullState {
  snapshot::Manifest manifest;
  std::vector<std::string> chunks;   // as the manifest names them
  std::vector<merkle::Hash> leaves;  // of the epochs from `after`+1 to the head's minus 1
};

// One read of one tenant's state; destroying it cancels. On the carrier's thread; the carrier
// outlives it. Codes: the carrier's, "missing_manifest", "missing_chunk" (start again at head),
// "missing_leaves", "bad_state", "bad_record" (the manifest is of another size).
class FullRead {
 public:
  using Done = std::move_only_function<void(Result<FullState>)>;

  // State of the head with that size and log root, for a reader whose log has `after` leaves (0:
  // none). `done` is called once, never inside the constructor; it may destroy the FullRead.
  FullRead(snapshot::Carrier& carrier, std::string tenant, uint64_t size, const merkle::Hash& root,
           uint64_t after, Done done);
  ~FullRead();
  FullRead(const FullRead&) = delete;
  FullRead& operator=(const FullRead&) = delete;

 private:
  struct Work;
  std::shared_ptr<Work> work_;
};

}  // namespace flagmesh::redis
