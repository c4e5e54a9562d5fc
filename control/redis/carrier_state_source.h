// A router's source of state over any carrier: boots from its journal, hears that there is
// something to read, reads the head, then deltas up to it or the whole state, and hands on what
// Acceptance accepts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "control/redis/full_read.h"
#include "control/redis/router_report.h"
#include "control/snapshot/acceptance.h"
#include "control/snapshot/carrier.h"
#include "control/snapshot/journal.h"
#include "control/snapshot/state_source.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer.h"

namespace flagmesh::redis {

// Lives on the loop's thread; the loop outlives it. Refusals are counted by code in status() and
// logged once each time the reason changes; the state in force stays.
//
// Reads the head: on every connection, on every kHead, and every `reread_ms` or up to a quarter
// less (jitter), because notifications may be lost. Never reads past the head. When deltas do not
// lead to it, the whole state is read; when a part of that is not there, it looks again soon (the
// engine may be writing it), and when it is refused, at the next look.
//
// With a journal: what it holds is handed on inside start(), before anything is read. A state that
// it cannot keep is refused, and until it can keep one again the status says not_ready. While
// another process has its folder nothing new is accepted; it is asked for every kLockMs.
class CarrierStateSource final : public snapshot::StateSource {
 public:
  static constexpr uint64_t kLockMs = 50;

  // `acceptance` persists to `journal`, which may be null. `seed`: what to boot from without one.
  CarrierStateSource(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier,
                     snapshot::Acceptance acceptance, uint64_t reread_ms = 4'000,
                     std::unique_ptr<snapshot::Journal> journal = nullptr,
                     std::optional<snapshot::StoredTrust> seed = std::nullopt);
  ~CarrierStateSource() override;

  // Codes of Journal::read and Acceptance::restore.
  Status start(OnState on_state) override;
  void release() override;
  const snapshot::SourceStatus& status() const override { return status_; }
  void enforced(uint64_t epoch) override { reporter_.enforced(epoch); }
  void leave(std::move_only_function<void()> done) override { reporter_.leave(std::move(done)); }
  const snapshot::Acceptance& acceptance() const { return acceptance_; }

 private:
  Status boot();
  void boot_from_seed();
  void begin_with(snapshot::AcceptedState state, std::string_view from);
  bool has_journal();
  void keep_newest();
  void unwritable(const Error& why);
  void on_event(snapshot::CarrierEvent event);
  void on_timer();
  void set_timer(uint64_t most_ms);
  void look_soon();
  void look();
  void on_head(Result<std::optional<std::string>> head);
  void read_deltas();
  void on_deltas(Result<std::vector<std::string>> deltas);
  void read_all();
  void on_all(Result<FullState> state);
  void taken(snapshot::AcceptedState state);
  void refused(const Error& why);
  void count_refusal(const Error& why);
  void clear_refusal();
  void finished();

  event::Loop& loop_;
  const std::unique_ptr<snapshot::Journal> journal_;
  std::optional<snapshot::StoredTrust> seed_;  // until start()
  snapshot::Acceptance acceptance_;
  std::optional<snapshot::Acceptance> blank_;  // as before boot(), while the journal is not held
  int64_t kept_ms_ = 0;                        // the newest verified timestamp that the journal has
  bool released_ = false;
  const uint64_t reread_ms_;
  snapshot::SourceStatus status_;
  OnState on_state_;
  std::minstd_rand random_;
  event::Timer timer_;
  bool reading_ = false;
  bool look_again_ = false;         // something was announced while reading
  uint64_t soon_ms_ = 0;            // what look_soon() waited last; 0: not in a row
  bool deltas_unreadable_ = false;  // reading them failed: the whole state is read next
  std::optional<snapshot::Acceptance::Head> head_;
  std::vector<std::string> deltas_;
  uint64_t deltas_upto_ = 0;
  std::string last_refused_;  // code that was logged last; empty: none since the last success
  std::unique_ptr<FullRead> full_read_;
  std::unique_ptr<snapshot::Carrier> carrier_;  // last but one who only calls it: gone first
  RouterReporter reporter_;
};

}  // namespace flagmesh::redis
