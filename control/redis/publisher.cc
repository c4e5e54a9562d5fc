#include "control/redis/publisher.h"

#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::redis {

using snapshot::Publication;
using snapshot::VerifiedHead;

Publisher::Publisher(event::Loop& loop, snapshot::Carrier& carrier, snapshot::StateWriter& writer,
                     const merkle::EpochLog& log, const snapshot::HeadVerifier& verifier,
                     Callbacks callbacks, uint64_t audit_ms)
    : loop_(loop),
      carrier_(carrier),
      writer_(writer),
      log_(log),
      verifier_(verifier),
      callbacks_(std::move(callbacks)),
      audit_ms_(audit_ms),
      timer_([](void* self) { static_cast<Publisher*>(self)->on_timer(); }, this) {
  timer_.set(loop_.timers(), mono_ms() + audit_ms_);
}

Publisher::~Publisher() {
  *alive_ = false;
}

void Publisher::on_timer() {
  timer_.set(loop_.timers(), mono_ms() + audit_ms_);
  audit_due_ = true;
  look();
}

// --- Looking -------------------------------------------------------------------------------------

void Publisher::look() {
  if (busy_) {
    look_again_ = true;
    return;
  }
  if (!carrier_.connected()) return;
  busy_ = true;
  look_again_ = false;
  carrier_.read_head([this, alive = alive_](Result<std::optional<std::string>> head) {
    if (!*alive) return;
    busy_ = false;
    if (head) {
      on_head(*head);
    } else if (callbacks_.on_trouble) {
      callbacks_.on_trouble(head.error());
    }
  });
}

bool Publisher::is_own(const merkle::Checkpoint& checkpoint) const {
  return checkpoint.size > 0 && checkpoint.size <= log_.size() &&
         log_.root_at(checkpoint.size) == checkpoint.root;
}

void Publisher::on_head(const std::optional<std::string>& found) {
  const bool is_first = !std::exchange(synced_, true);
  overwrite_.reset();
  if (!found) {
    heal(found, {"no_head", "there was no head"});
  } else if (Result<VerifiedHead> head = verifier_.verify_enough(*found); !head) {
    heal(found, head.error());
  } else if (is_own(head->checkpoint)) {
    on_own_head(*found, *head);
  } else if (verifier_.rules().policy == snapshot::TrustPolicy::kUnsigned) {
    heal(found, {"fork", "the head was of another log"});
  } else {
    foreign_head_ = *found;
    if (callbacks_.on_seen) callbacks_.on_seen(*head, Seen::kForeign);
    on_foreign_head(*head);
  }
  if (is_first && callbacks_.on_synced) callbacks_.on_synced();
  idle();
}

void Publisher::on_own_head(const std::string& found, const VerifiedHead& head) {
  const merkle::Checkpoint& checkpoint = head.checkpoint;
  const bool same_head = writer_.head_known() && checkpoint.size == writer_.head_size();
  const bool by_other = same_head && !head_.empty() && found != head_ && is_younger(head);
  if (found == head_ || head_.empty()) confirmed_ms_ = mono_ms();
  if (callbacks_.on_seen) callbacks_.on_seen(head, by_other ? Seen::kRenewed : Seen::kOwn);
  if (pending_ && checkpoint.size == pending_->size) {
    finish_pending({});  // it had moved, only the answer was lost
  } else if (!writer_.head_known()) {
    take_over(found, checkpoint.size);
  } else if (checkpoint.size != writer_.head_size()) {
    // Behind, or an epoch that was given up though enough had signed it.
    heal(found, {"rollback", "the head was another one of this log"});
  } else if (head_.empty()) {
    head_ = found;
  } else if (damaged_) {
    heal(found, {"damaged", "a publication was not stored"});
  } else if (by_other) {
    head_ = found;  // the younger one stays, or both would never end
    confirmed_ms_ = mono_ms();
  } else if (found != head_) {
    renew(head_);
  } else if (std::exchange(audit_due_, false)) {
    audit();
  }
}

// Than the one that is kept; and nobody's cosignature is lost with it.
bool Publisher::is_younger(const VerifiedHead& found) const {
  const Result<VerifiedHead> own = verifier_.verify(head_);
  return own && found.engine_ms > 0 && found.newest_ms >= own->newest_ms &&
         found.engine_ms >= own->engine_ms && found.validators >= own->validators;
}

// --- Looking whether all of it is there ----------------------------------------------------------

void Publisher::audit() {
  if (auditing_ || pending_ || passive_) return;
  if (parts_.root != log_.root_at(writer_.head_size())) {
    // A head of a former run: what it names was never made here.
    Result<Publication> everything = writer_.everything(log_, head_, std::nullopt);
    if (!everything) return;
    keep(*everything);
  }
  auditing_ = true;
  carrier_.audit(parts_, [this, alive = alive_](Result<snapshot::AuditReport> report) {
    if (!*alive) return;
    auditing_ = false;
    if (report) audited(*report);
  });
}

void Publisher::audited(const snapshot::AuditReport& report) {
  if (std::exchange(warning_, report.warning) != report.warning && !report.warning.empty()) {
    if (callbacks_.on_warning) callbacks_.on_warning(report.warning);
  }
  // What was being published meanwhile is not what was asked about.
  const bool same = parts_.root == log_.root_at(writer_.head_size());
  if (!report.complete && same && !busy_ && !passive_) restore_parts({"missing_parts", report.missing});
}

void Publisher::restore_parts(const Error& why) {
  Result<Publication> everything = writer_.everything(log_, head_, std::nullopt);
  if (!everything) return;
  busy_ = true;
  carrier_.store(*std::move(everything), [this, alive = alive_, why](const Status& stored) {
    if (!*alive) return;
    busy_ = false;
    if (stored) {
      if (callbacks_.on_healed) callbacks_.on_healed(why);
    } else if (callbacks_.on_trouble) {
      callbacks_.on_trouble(stored.error());
    }
    idle();
  });
}

void Publisher::keep(const Publication& publication) {
  parts_.size = publication.size;
  parts_.root = publication.root;
  parts_.tenants.clear();
  for (const Publication::Tenant& tenant : publication.tenants) {
    parts_.tenants.push_back({tenant.name, tenant.manifest});
  }
}

void Publisher::on_foreign_head(const VerifiedHead& head) {
  if (callbacks_.on_ahead) callbacks_.on_ahead(head);
  if (!pending_) return;
  finish_pending(fail("head_moved", "the head in force is not of this engine's log", {},
                      "let one engine run, with the newest state_dir"));
}

// A head of a former run. Its entries are known when what is loaded hashes to its root.
void Publisher::take_over(const std::string& found, uint64_t size) {
  head_ = found;
  if (log_.record(size).state_root == writer_.state_root()) {
    writer_.commit(size);
  } else {
    writer_.set_unknown_head(size);
  }
}

void Publisher::heal(std::optional<std::string> found, Error why) {
  if (passive_) return;
  if (!writer_.head_known() || head_.empty()) {
    // There is nothing to put back; the first head goes over it.
    overwrite_ = std::move(found);
    return;
  }
  Result<Publication> everything = writer_.everything(log_, head_, std::move(found));
  if (!everything) {
    if (callbacks_.on_trouble) callbacks_.on_trouble(everything.error());
    return;
  }
  busy_ = true;
  keep(*everything);
  carrier_.publish(*std::move(everything), [this, alive = alive_, why](Status moved) {
    if (!*alive) return;
    busy_ = false;
    if (moved) {
      damaged_ = false;
      if (callbacks_.on_healed) callbacks_.on_healed(why);
    } else if (callbacks_.on_trouble) {
      callbacks_.on_trouble(moved.error());
    }
    // When it failed, the next look tries again.
    if (moved) idle();
  });
}

// --- Publishing ----------------------------------------------------------------------------------

void Publisher::publish(std::string head, snapshot::Carrier::Done<void> done) {
  pending_ = Pending{std::move(head), log_.size(), std::move(done)};
  if (synced_) {
    send_pending();
  } else {
    look();
  }
}

void Publisher::send_pending() {
  if (busy_ || !pending_ || !synced_ || !carrier_.connected()) return;
  Result<Publication> publication = writer_.publication(log_, pending_->head);
  if (!publication) {
    busy_ = true;  // `done` is never called inside publish()
    loop_.post([this, alive = alive_, error = publication.error()] {
      if (!*alive) return;
      busy_ = false;
      finish_pending(std::unexpected(error));
    });
    return;
  }
  if (!writer_.head_known() && overwrite_) publication->replaces_text = overwrite_;
  busy_ = true;
  keep(*publication);
  carrier_.publish(*std::move(publication), [this, alive = alive_](Status moved) {
    if (!*alive) return;
    busy_ = false;
    on_published(std::move(moved));
  });
}

void Publisher::on_published(Status moved) {
  if (moved) {
    finish_pending({});
    idle();
    return;
  }
  if (callbacks_.on_trouble) callbacks_.on_trouble(moved.error());
  // What is there decides: look() heals and sends again, or gives up. A carrier that is away or
  // refuses to store is asked again when it is back, or at the next audit.
  damaged_ = true;
  if (moved.error().code == "head_moved") look();
}

void Publisher::finish_pending(Status result) {
  Pending pending = std::move(*pending_);
  pending_.reset();
  if (result) {
    writer_.commit(pending.size);
    head_ = std::move(pending.head);
    confirmed_ms_ = mono_ms();
    overwrite_.reset();
    damaged_ = false;
  }
  pending.done(std::move(result));
}

void Publisher::take_foreign_head(std::string head) {
  head_ = std::move(head);
  confirmed_ms_ = mono_ms();
}

void Publisher::renew(std::string head) {
  if (passive_) return;
  head_ = std::move(head);
  Result<VerifiedHead> own = verifier_.verify(head_);
  if (!own || !carrier_.connected()) return;
  carrier_.renew_head(head_, own->checkpoint.root, [this, alive = alive_](Status renewed) {
    if (!*alive) return;
    if (renewed) confirmed_ms_ = mono_ms();
    if (!renewed && renewed.error().code == "head_moved") look();
  });
}

void Publisher::idle() {
  if (busy_) return;
  if (look_again_) {
    look();
  } else {
    send_pending();
  }
}

}  // namespace flagmesh::redis
