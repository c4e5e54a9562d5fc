// Looks whether Redis still has everything that the head names, and lets go what no head names any
// more. Internal to control/redis.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/redis/carrier_link.h"
#include "control/redis/keys.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/published_state.h"

namespace flagmesh::redis {

// Each run() asks: that every part is there by its name; that some manifests, chunks and tiles, other
// ones each time, are what they have to be; now and then, how Redis is set up; and one step of a walk
// over the keys, so that what a crash, a lost connection or a former head left behind expires
// (kExpireStale). A part that was evicted is found by the next run, one that was altered within a
// round.
//
// Owned by a RedisCarrier, on its thread; link and keys outlive it. One run at a time.
class StateAudit {
 public:
  // `writes` counts publications that were begun: nothing expires while one is on its way.
  StateAudit(CarrierLink& link, const Keys& keys, const uint64_t& writes);

  void run(snapshot::StateParts parts, snapshot::Carrier::Done<snapshot::AuditReport> done);

 private:
  struct Run;
  void ask_names(const std::shared_ptr<Run>& run);
  void ask_manifests(const std::shared_ptr<Run>& run);
  void ask_chunks(const std::shared_ptr<Run>& run);
  void ask_tiles(const std::shared_ptr<Run>& run);
  void ask_settings(const std::shared_ptr<Run>& run);
  void walk(const std::shared_ptr<Run>& run);
  void expire(const std::shared_ptr<Run>& run, const Reply& page);

  CarrierLink& link_;
  const Keys& keys_;
  const uint64_t& writes_;
  uint64_t runs_ = 0;
  size_t manifest_at_ = 0;
  size_t chunk_at_ = 0;
  size_t tile_at_ = 0;
  std::string cursor_ = "0";
  std::string warning_;
};

}  // namespace flagmesh::redis
