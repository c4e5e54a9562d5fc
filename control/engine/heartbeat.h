// Keeps the head young: a new cosignature of the engine on the same checkpoint, with the newest
// ones of the validators, every tenth of trust.max_age. No new epoch, nothing on disk.
#pragma once

#include "control/engine/head_signer.h"
#include "control/redis/publisher.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "merkle/epoch_log.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::engine {

// A tenth of the age that routers accept, from 1 s to 60 s.
MonoMs heartbeat_interval(int64_t max_age_ms);

// Owned by the engine, on the loop's thread; everything given to it outlives it.
class Heartbeat {
 public:
  Heartbeat(event::Loop& loop, snapshot::Carrier& carrier, redis::Publisher& publisher,
            const HeadSigner& signer, const snapshot::HeadVerifier& verifier);

  void start();
  // An engine that stands by leaves the heartbeat to the active one.
  void set_paused(bool paused) { paused_ = paused; }
  // Now, and then every interval.
  void beat();
  uint64_t beats() const { return beats_; }

 private:
  static void on_timer(void* self) { static_cast<Heartbeat*>(self)->beat(); }
  void renew(const std::string& head, const std::vector<std::string>& cosignatures);

  event::Loop& loop_;
  snapshot::Carrier& carrier_;
  redis::Publisher& publisher_;
  const HeadSigner& signer_;
  const snapshot::HeadVerifier& verifier_;
  event::Timer timer_;
  bool paused_ = false;
  uint64_t beats_ = 0;
};

}  // namespace flagmesh::engine
