// The flag engine: owns the flags of a tenant, takes changes from files, API and commands, and
// publishes epochs. docs/engine.md is the page for users.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "control/engine/command.h"
#include "control/engine/engine_metrics.h"
#include "control/engine/engine_options.h"
#include "control/engine/epoch_cycle.h"
#include "control/engine/file_watcher.h"
#include "control/engine/flag_files.h"
#include "control/engine/flag_store.h"
#include "control/engine/heartbeat.h"
#include "control/engine/lock_gate.h"
#include "control/engine/standby.h"
#include "control/snapshot/carrier.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"
#include "proxy/event/loop.h"

namespace flagmesh::engine {

// Everything on the loop's thread, which outlives it. The HTTP API over it is EngineApi
// (engine_api.h).
//
//   auto engine = Engine::create(loop, std::make_unique<MemoryCarrier>(bus, post),
//   std::move(options));
//   (*engine)->start();
class Engine {
 public:
  // Opens state_dir and reads the flag files. Codes: those of EpochCycle::open and
  // HeadVerifier::create, "bad_flag_files" (the message has every mistake).
  static Result<std::unique_ptr<Engine>> create(event::Loop& loop,
                                                std::unique_ptr<snapshot::Carrier> carrier,
                                                EngineOptions options);
  ~Engine();

  // Connects, watches, publishes. Code "watch_failed".
  Status start();

  // --- changes ---
  using Done = EpochCycle::Done;
  // What the API asks for. Codes of FlagStore::apply and EpochCycle::submit, "standby".
  void change(std::string_view key, const FlagRequest& request, std::string author, Done done);
  // Several at once: all of them in one epoch, or none.
  void change_all(const std::vector<std::pair<std::string, FlagRequest>>& requests,
                  const std::string& author, Done done);
  // Reads the flag files now. Refused whole on any mistake; what they had defined stays.
  void reload_files();

  // --- what it knows ---
  const FlagStore& flags() const { return store_; }
  const EpochCycle& epochs() const { return *cycle_; }
  // Another engine is active, and this one takes no changes (standby.h).
  bool standing_by() const { return standby_->standing_by(); }
  // Why new changes do not reach routers; nothing when all is well.
  std::optional<Error> not_ready() const;
  std::string metrics() const;
  EngineMetrics& counters() { return metrics_; }
  event::Loop& loop() { return loop_; }
  // Called after every change of a flag, whoever asked for it.
  void set_on_change(std::function<void()> on_change) { on_change_ = std::move(on_change); }
  // Called whenever a candidate was signed.
  void set_on_candidate(std::function<void()> on_candidate) {
    on_candidate_ = std::move(on_candidate);
  }
  // What an outside witness signed: left where validators leave theirs.
  void put_cosignature(uint64_t size, const merkle::Hash& root, const std::string& name,
                       std::string line);
  const config::OfrepConfig& ofrep() const { return options_.ofrep; }
  const std::shared_ptr<const config::ApiTokens>& tokens() const { return options_.tokens; }
  uint32_t rate_limit() const { return options_.rate_limit; }

  // The newest changes that got an epoch, those of former runs too, oldest first.
  struct Change {
    uint64_t number = 0;  // counts up, from 1
    uint64_t epoch = 0;
    int64_t time_ms = 0;
    std::string flag;  // empty: the flag set's metadata
    std::string author;
    std::string what;
  };
  static constexpr size_t kChanges = 100'000;
  const std::deque<Change>& changes() const { return changes_; }
  // What the tenant's routers have reported lately, as they wrote it. Codes of the carrier.
  void read_reports(snapshot::Carrier::Done<std::vector<std::string>> done) {
    carrier_->read_reports(options_.flags.tenant, std::move(done));
  }
  // What an operator should know of the configuration: "redis_commands are unsigned", ...; empty:
  // nothing.
  std::string note() const;

  // Takes no more changes; `done` is called when the epoch on its way is published, or after
  // `wait_ms`.
  void stop(MonoMs wait_ms, std::function<void()> done);

 private:
  Engine(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier, EngineOptions options);
  Status open(snapshot::HeadVerifier verifier);
  Status restore();
  FlagFiles read_files() const;
  void on_event(snapshot::CarrierEvent event, std::string_view text);
  void on_command(std::string_view text);
  void answer(const std::string& flag, const std::string& nonce, const Result<uint64_t>& epoch);
  Status check_base(const Command& command) const;
  Result<std::vector<FlagChange>> apply(std::string_view key, const FlagRequest& request,
                                        const std::string& author);
  Status takes_changes() const;
  // engine_standby.cc
  void on_recovered(const std::vector<snapshot::EntryChange>& entries);
  void on_head_seen(const snapshot::VerifiedHead& head, redis::Publisher::Seen seen);
  void stand_by();
  void take_over();
  void on_resumed(const std::vector<snapshot::EntryChange>& left);
  Status adopt(const std::vector<snapshot::EntryChange>& entries);
  // engine_locked.cc
  Status needs_no_lock(std::string_view key, const FlagRequest& request) const;
  Status may_begin();
  void take_files(const flags::FlagSet& set);
  Status propose(const flags::FlagSet& set);
  void on_locked_published();
  std::vector<std::string> watched_files() const;

  void mark_changed(const std::vector<FlagChange>& changes);
  void on_trouble(const Error& error);
  void remember(const HistoryEntry& entry);
  static void on_stop_timer(void* self);

  event::Loop& loop_;
  EngineOptions options_;
  std::unique_ptr<snapshot::Carrier> carrier_;
  LockGate gate_;
  FlagStore store_;  // with require_lock: in force, and kills that are on their way
  std::optional<FlagStore> proposed_;  // allowed by a lock and on its way
  std::optional<Error> lock_refusal_;  // why the flag files are not in force
  bool files_again_ = false;           // they wait for a kill that is on its way
  NonceMemory nonces_;
  EngineMetrics metrics_;
  std::unique_ptr<HeadSigner> signer_;
  std::unique_ptr<EpochCycle> cycle_;
  std::unique_ptr<Heartbeat> heartbeat_;
  std::unique_ptr<Standby> standby_;
  std::unique_ptr<FileWatcher> watcher_;
  // Log size when a flag was last changed, at the earliest when this run began: what base_epoch is
  // compared with.
  std::map<std::string, uint64_t, std::less<>> changed_at_;
  uint64_t started_at_ = 0;
  std::string last_trouble_;
  std::function<void()> on_change_;
  std::function<void()> on_candidate_;
  std::deque<Change> changes_;
  uint64_t next_change_ = 1;
  bool stopping_ = false;
  std::function<void()> on_stopped_;
  event::Timer stop_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flagmesh::engine
