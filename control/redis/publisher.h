// Keeps the head where the engine put it: publishes, renews, and publishes everything again when
// the carrier lost it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/snapshot/acceptance.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/state_writer.h"
#include "merkle/epoch_log.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::redis {

// Owned by the engine, on its thread; loop, carrier, writer and log outlive it. The engine forwards
// kConnected and kHead to look().
class Publisher {
 public:
  // What the engine should know. `ahead`: a head that verifies is ahead of the log of this engine:
  // another engine is or was at work; nothing is overwritten.
  struct Callbacks {
    std::function<void(const Error&)> on_trouble;  // by code; counted and logged
    std::function<void(const snapshot::VerifiedHead&)> on_ahead;
    std::function<void()> on_healed;  // everything was published again
  };

  Publisher(event::Loop& loop, snapshot::Carrier& carrier, snapshot::StateWriter& writer,
            const merkle::EpochLog& log, const snapshot::HeadVerifier& verifier,
            Callbacks callbacks, uint64_t audit_ms = 5'000);
  ~Publisher();

  // The head of a former run, as the engine has it on disk or took it over: the writer's committed
  // state is the one that it names. Only afterwards is anything healed.
  void adopt(std::string head);

  // Publishes what is staged as epoch log.size(); `head` is the note with its cosignatures. On
  // success the writer has committed; on an error nothing is committed and the caller may try again
  // or discard ("disconnected": whether the head moved is not known; it is asked for again on the
  // next connection, and then the old head is put back or the publication tried again).
  void publish(std::string head, snapshot::Carrier::Done<void> done);
  // A heartbeat: the same checkpoint with newer cosignatures. Kept for the next healing too.
  void renew(std::string head);
  // The note in force; empty: none yet.
  const std::string& head() const { return head_; }

  // Reads the head and mends what differs: missing, behind, forked or unverifiable is overwritten
  // with everything; ahead is told. Also done every audit_ms.
  void look();

 private:
  struct Impl;
  std::string head_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flagmesh::redis
