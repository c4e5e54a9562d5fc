// Reads everything that a head stands for: all tenants of the state, one after the other. For
// validators, and for an engine that finds a head whose entries it does not have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/redis/full_read.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/state_replica.h"
#include "merkle/checkpoint.h"
#include "proxy/base/result.h"

namespace flagmesh::redis {

// One read; destroying it cancels. On the carrier's thread; the carrier outlives it. Codes: those
// of FullRead and snapshot::parse_chunk, "missing_tenants".
class HeadRead {
 public:
  using Done = std::move_only_function<void(Result<snapshot::StateStep>)>;

  // For a log that is known up to `after` leaves (0: nothing of it). `done` is called once, never
  // inside the constructor; it may destroy the HeadRead.
  HeadRead(snapshot::Carrier& carrier, const merkle::Checkpoint& head, uint64_t after, Done done);
  ~HeadRead();
  HeadRead(const HeadRead&) = delete;
  HeadRead& operator=(const HeadRead&) = delete;

 private:
  void next();
  void took(Result<FullState> state);
  void finish(Result<snapshot::StateStep> result);

  snapshot::Carrier& carrier_;
  merkle::Checkpoint head_;
  uint64_t after_;
  Done done_;
  std::vector<std::string> tenants_;
  snapshot::StateStep step_;
  std::unique_ptr<FullRead> read_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flagmesh::redis
