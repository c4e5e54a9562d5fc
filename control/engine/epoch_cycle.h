// Makes epochs: takes changes, and brings them step by step to where routers enforce them.
//
//            submit()          granted        enough signed        moved
//   kIdle ------------> kReserve ------> kCosign ------------> kPublish ------> kIdle
//                        |    ^           |  ^                  |    ^
//                        +-5 s+           +--+ polled           +-5 s+
//
// The first epoch of a run waits until the carrier's head was seen: a head of a former run that has
// the same state stays in force, and nothing is published.
//
// A head of a former run with another state is read back and proven first, so that what is published
// is the difference from it; when it cannot be read, everything is published.
//
// A verified head ahead of this log is another engine's, or this one's disk is behind or empty: its
// state and the log's leaves are read, proven against it, and this log goes on from there, if it
// begins with what this engine has seen in force. What was on its way here is given up. So an engine
// beside the active one follows it (standby.h says which one that is): a passive cycle publishes
// nothing. resume() ends that: what the other one claimed and showed to validators is finished, a
// claim of which nobody has seen more is replaced. Reservations keep two from forking the log.
//
// What comes while an epoch is on its way waits for the next one, all of it together. Where
// validators or a lock may hold changes up, a kill goes out alone and ahead of them: what was on
// its way is taken back and comes again after it. A candidate
// that validators leave unsigned is overtaken by an epoch with the newer changes after kOvertakeMs;
// it stays in the log and is never enforced. A carrier that is away, or answers no, only delays:
// every step is tried again, and at once when the carrier is back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/engine/head_signer.h"
#include "control/engine/history.h"
#include "control/redis/head_read.h"
#include "control/redis/publisher.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/head_verifier.h"
#include "control/snapshot/state_writer.h"
#include "merkle/epoch_log_file.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::engine {

// One owner, on the loop's thread; loop and carrier outlive it.
class EpochCycle {
 public:
  static constexpr MonoMs kRetryMs = 5'000;  // after another engine was in the way
  static constexpr MonoMs kPollCosignaturesMs = 500;
  static constexpr MonoMs kRepeatCandidateMs = 5'000;
  static constexpr MonoMs kOvertakeMs = 1'000;
  // How long submit() keeps its caller waiting.
  static constexpr MonoMs kWaitMs = 3'000;
  // Submissions that wait at a time; one more is refused.
  static constexpr size_t kWaiting = 10'000;

  struct Parts {
    event::Loop& loop;
    snapshot::Carrier& carrier;
    std::string tenant;
    std::string state_dir;
    snapshot::HeadVerifier verifier;
    const HeadSigner& signer;  // outlives it
    snapshot::StateWriter::Secrets secrets;
    std::function<void(const Error&)> on_trouble;  // counted and logged by the owner
    std::function<void(uint64_t epoch, uint64_t flags)> on_published;
    // A line of the history is on disk, and its epoch will follow.
    std::function<void(const HistoryEntry& entry)> on_recorded = {};
    std::function<void(const Error& found)> on_healed;  // everything was published again
    std::function<void(const std::string&)> on_warning = {};  // the carrier is set up badly
    std::function<void()> on_candidate = {};  // one was signed
    // Asked before the first epoch of a run, when the head and its state are known: why nothing may
    // be published yet. Asked again after poke().
    std::function<Status()> may_begin = {};
    bool kills_alone = false;  // also without validators
    // The flags in force are another engine's, or were lost here: they were read back and proven.
    std::function<void(const std::vector<snapshot::EntryChange>& entries)> on_recovered = {};
    // As Publisher::Callbacks::on_seen.
    std::function<void(const snapshot::VerifiedHead&, redis::Publisher::Seen)> on_seen = {};
  };

  // Opens log and history in state_dir. Codes of make_folders, EpochLogFile::open, History::open.
  static Result<std::unique_ptr<EpochCycle>> open(Parts parts);
  ~EpochCycle();

  // What was accepted in former runs; once.
  std::vector<HistoryEntry> take_history() { return history_.take_entries(); }
  // All flags as they are to be now. Nothing is published before. `changes` go into the history.
  // Codes of StateWriter::stage. Once.
  Status begin(const std::vector<snapshot::EntryChange>& state, std::vector<FlagChange> changes);

  // Called when the head has the changes, or with why not yet. Codes: "not_published_yet" (on disk,
  // and published as soon as it can be; the message says what it waits for), "overloaded" and
  // "write_failed" (not kept).
  using Done = std::move_only_function<void(Result<uint64_t> epoch)>;
  void submit(std::vector<FlagChange> changes, std::vector<UsedNonce> nonces, Done done);
  // A state that a lock allows, as its difference from the head's. Takes the place of one that is on
  // its way. The lock goes to validators with it. Nothing happens before poke(). REQUIRES: nothing
  // is waiting but what came so.
  void submit_locked(std::vector<FlagChange> changes, std::string lock);
  // Stands by: follows the head, publishes nothing, takes no changes. REQUIRES: idle().
  void set_passive();
  bool passive() const { return passive_; }
  // Goes on from what is in force and from what the engine before has left on its way. `done` gives
  // what that has: entries that lie over those of the head. Codes "not_followed" (the head in force
  // was not read yet: try again), and the carrier's; then it stays passive.
  void resume(snapshot::Carrier::Done<std::vector<snapshot::EntryChange>> done);
  // Writes changes down that were made elsewhere, so that a restart knows them. Code "write_failed".
  Status note(std::vector<FlagChange> changes);
  // Goes on, when something was submitted or may_begin() may say otherwise.
  void poke() { step(); }
  // What begin() staged is given up: the head's state stays. REQUIRES: state().head_known().
  void keep_head();
  // More of what begin() staged, before anything was published. Codes of StateWriter::stage.
  Status restage(const std::vector<FlagChange>& changes);
  // The lock of what begin() staged.
  void set_first_lock(std::string lock) { lock_ = std::move(lock); }
  // A kill has not reached the head yet.
  bool kill_on_its_way() const { return kill_staged_ || !kills_.changes.empty(); }

  // What the carrier said. REQUIRES: begin() was called.
  void on_event(snapshot::CarrierEvent event);

  // Nothing is on its way. `on_idle` is called once, at the latest when the epoch on its way is
  // published.
  bool idle() const {
    return phase_ == Phase::kIdle && pending_.changes.empty() && kills_.changes.empty() &&
           deferred_.empty();
  }
  void when_idle(std::function<void()> on_idle);

  // The epoch that routers are given; 0: none yet.
  uint64_t epoch() const { return writer_.head_size(); }
  const std::string& head() const { return publisher_->head(); }
  // The candidate while it waits for cosignatures, else the head; and the log's size there.
  const std::string& newest_note() const {
    return phase_ == Phase::kCosign ? note_ : publisher_->head();
  }
  uint64_t newest_note_size() const {
    return phase_ == Phase::kCosign ? log_.log().size() : writer_.head_size();
  }
  // Root of the tenant's tree in that epoch: what a lock begins at. Nothing while another one is on
  // its way.
  std::optional<merkle::Hash> head_tenant_root() const;
  redis::Publisher& publisher() { return *publisher_; }
  const snapshot::HeadVerifier& verifier() const { return parts_.verifier; }
  const merkle::EpochLog& log() const { return log_.log(); }
  const snapshot::StateWriter& state() const { return writer_; }
  // What keeps the newest changes from being enforced; null when all is well.
  const Error* obstacle() const {
    const bool counts = obstacle_ && (phase_ != Phase::kIdle || first_ ||
                                      obstacle_->code == "head_ahead" ||
                                      obstacle_->code == "fork");
    return counts ? &*obstacle_ : nullptr;
  }

 private:
  enum class Phase : uint8_t { kIdle, kReserve, kCosign, kPublish, kBroken };
  struct Waiter {
    Done done;
    MonoMs deadline;
  };
  struct Batch {
    std::string lock = {};  // that allows it; empty: none is asked for
    std::vector<FlagChange> changes;
    std::vector<UsedNonce> nonces;
    std::vector<Waiter> waiters;
    size_t kept = 0;  // of `changes` and `nonces`: how many are on disk already
    size_t kept_nonces = 0;
  };

  EpochCycle(Parts parts, merkle::EpochLogFile log, History history);
  static void on_timer(void* self) { static_cast<EpochCycle*>(self)->timer_fired(); }
  static void on_wait_timer(void* self) { static_cast<EpochCycle*>(self)->expire_waiters(false); }

  void step();
  void on_synced();
  void adopt(const snapshot::StateStep& state);
  // epoch_recovery.cc
  void on_ahead(const snapshot::VerifiedHead& head);
  void read_leaves(uint64_t from);
  void recovered();
  void give_up_recovery(const Error& why);
  void resume_from(std::optional<std::string> claim, std::optional<std::string> candidate,
                   snapshot::Carrier::Done<std::vector<snapshot::EntryChange>> done);
  Status finish_candidate(const std::string& bytes);
  bool kills_go_alone() const;
  void overtake_with(const std::vector<FlagChange>& kills);
  void take_back();
  void prepare();
  Status stage(Batch& batch);
  Status append_record(const HistoryEntry& entry);
  void reserve(std::optional<std::string> replaces = {});
  void doubt_reservation();
  void reserved();
  void ask_validators();
  void poll_cosignatures();
  void cosigned(const std::vector<std::string>& lines);
  void publish();
  void settle();
  void trouble(const Error& error);
  void broken(const Error& error);
  void timer_fired();
  void expire_waiters(bool all);
  Status keep(Batch& batch);
  bool needs_cosignatures() const;

  Parts parts_;
  merkle::EpochLogFile log_;
  History history_;
  snapshot::StateWriter writer_;
  std::unique_ptr<redis::Publisher> publisher_;

  Phase phase_ = Phase::kIdle;
  bool begun_ = false;
  bool asking_ = false;  // a call of this phase is out
  bool first_ = true;    // the state that begin() staged was not looked at yet
  Batch pending_;
  Batch kills_;  // that go out alone, before what is pending
  // Taken back for a kill; comes again with the next epoch. It is in the history already.
  std::vector<snapshot::EntryChange> deferred_;
  bool kill_staged_ = false;
  std::string lock_;  // of what is staged; empty: none
  std::unique_ptr<redis::HeadRead> head_read_;
  // A head that is not of this log, while it is read.
  struct Recovery {
    merkle::Checkpoint checkpoint;
    std::string head;
    snapshot::StateStep state;
    uint64_t keep = 0;  // epochs of this log that it has to begin with
    std::vector<merkle::Hash> leaves;
  };
  std::optional<Recovery> recovery_;
  bool passive_ = false;
  bool behind_ = false;      // a head was seen that is not followed yet
  MonoMs follow_after_ = 0;  // a passive one does not read a head before
  MonoMs follow_began_ = 0;
  std::optional<std::string> left_claim_;  // another engine's, to be replaced
  std::vector<Waiter> waiters_;  // for the epoch on its way
  HistoryEntry entry_;
  std::string note_;  // of the epoch on its way
  MonoMs candidate_since_ = 0;
  MonoMs candidate_sent_ = 0;
  std::optional<Error> obstacle_;
  std::function<void()> on_idle_;
  event::Timer timer_;
  event::Timer wait_timer_;
};

}  // namespace flagmesh::engine
