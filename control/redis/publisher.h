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

// Owned by the engine, on its thread; loop, carrier, writer, log and verifier outlive it. The
// engine starts the carrier and forwards kConnected to look(). The head is also looked at every
// audit_ms; when it is the one that it keeps, so is all that it names, and what is lost is written
// again.
//
// What it finds, and what it does:
//   the head that it keeps       nothing; when only the signatures differ, the younger ones stay
//   none, one that is behind     publishes everything again
//   one that does not verify     the same, over it
//   one of this log that a former run or an unanswered publish() moved there
//                                takes it over; the writer knows that state or says it does not
//   one that verifies and is not of this log, or ahead of it
//                                tells on_ahead, overwrites nothing: another engine is at work.
//                                Under TrustPolicy::kUnsigned it is overwritten
//
// A passive one (of an engine that stands by) looks, and writes nothing.
class Publisher {
 public:
  enum class Seen : uint8_t {
    kOwn,
    kRenewed,  // of this log, and another engine has signed it later
    kForeign,  // not of this log
  };
  struct Callbacks {
    // The carrier's head is known for the first time: publishing makes sense now.
    std::function<void()> on_synced = {};
    // foreign_head() has its text.
    std::function<void(const snapshot::VerifiedHead&)> on_ahead = {};
    // The head in force is one that verifies; before on_ahead.
    std::function<void(const snapshot::VerifiedHead&, Seen)> on_seen = {};
    // Everything was published again; the error says what was found.
    std::function<void(const Error& found)> on_healed = {};
    std::function<void(const Error&)> on_trouble = {};
    // How the carrier is set up badly; each time that it is another one.
    std::function<void(const std::string&)> on_warning = {};
  };

  Publisher(event::Loop& loop, snapshot::Carrier& carrier, snapshot::StateWriter& writer,
            const merkle::EpochLog& log, const snapshot::HeadVerifier& verifier,
            Callbacks callbacks, uint64_t audit_ms = 2'000);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Publishes what is staged as epoch log.size(); `head` is the note with its cosignatures. Waits
  // for a carrier that is away and tries again, so `done` comes late but says what is so: moved
  // (the writer has committed), or "head_moved" (another engine's head is there), "too_large"; then
  // nothing is committed and the caller discards or tries again. REQUIRES: not publishing();
  // nothing is appended to the log or staged until `done`.
  void publish(std::string head, snapshot::Carrier::Done<void> done);
  bool publishing() const { return pending_.has_value(); }

  // A heartbeat: head() with newer cosignatures. REQUIRES: the same checkpoint as head().
  void renew(std::string head);
  // The note in force; empty: none that this engine knows.
  const std::string& head() const { return head_; }
  bool synced() const { return synced_; }
  const std::string& foreign_head() const { return foreign_head_; }
  // The writer has jumped to this head, which another engine published.
  void take_foreign_head(std::string head);

  void look();
  void set_passive(bool passive) { passive_ = passive; }
  // When the head in force was last known to be head(); monotonic.
  uint64_t confirmed_ms() const { return confirmed_ms_; }

 private:
  struct Pending {
    std::string head;
    uint64_t size = 0;
    snapshot::Carrier::Done<void> done;
  };

  void on_timer();
  void on_head(const std::optional<std::string>& found);
  void on_own_head(const std::string& found, const snapshot::VerifiedHead& head);
  void on_foreign_head(const snapshot::VerifiedHead& head);
  bool is_younger(const snapshot::VerifiedHead& found) const;
  void take_over(const std::string& found, uint64_t size);
  void heal(std::optional<std::string> found, Error why);
  void send_pending();
  void on_published(Status moved);
  void finish_pending(Status result);
  void idle();
  void audit();
  void audited(const snapshot::AuditReport& report);
  void restore_parts(const Error& why);
  void keep(const snapshot::Publication& publication);
  bool is_own(const merkle::Checkpoint& checkpoint) const;

  event::Loop& loop_;
  snapshot::Carrier& carrier_;
  snapshot::StateWriter& writer_;
  const merkle::EpochLog& log_;
  const snapshot::HeadVerifier& verifier_;
  const Callbacks callbacks_;
  const uint64_t audit_ms_;
  std::string head_;
  std::string foreign_head_;
  std::optional<Pending> pending_;
  std::optional<std::string> overwrite_;  // what is to be replaced by a first head, whatever it is
  bool synced_ = false;
  bool passive_ = false;
  uint64_t confirmed_ms_ = 0;
  bool audit_due_ = true;    // by the timer, not with every look
  bool busy_ = false;        // a call is out
  bool look_again_ = false;  // asked for while busy
  bool damaged_ = false;  // a publication was refused in part: everything has to be written again
  snapshot::StateParts parts_;  // of the head that was published last
  bool auditing_ = false;
  std::string warning_;  // as last told
  event::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flagmesh::redis
