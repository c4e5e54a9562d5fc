#include "control/validator/validator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "merkle/note.h"
#include "merkle/state_tree.h"
#include "proxy/base/time.h"

namespace flagmesh::validator {
namespace {

using merkle::LeafKind;
using snapshot::CarrierEvent;
using snapshot::StateStep;

// A tenth of the age that routers accept, from 1 s to 60 s.
MonoMs heartbeat_interval(int64_t max_age_ms) {
  return static_cast<MonoMs>(std::clamp<int64_t>(max_age_ms / 10, 1'000, 60'000));
}

bool same(const merkle::Checkpoint& a, const merkle::Checkpoint& b) {
  return a.size == b.size && a.root == b.root;
}

}  // namespace

Result<std::unique_ptr<Validator>> Validator::create(event::Loop& loop,
                                                     std::unique_ptr<snapshot::Carrier> carrier,
                                                     ValidatorOptions options) {
  auto verifier = snapshot::HeadVerifier::create(options.trust);
  if (!verifier) return std::unexpected(verifier.error());
  const auto& pinned = options.trust.validator_keys;
  if (std::ranges::find(pinned, options.key.verifier()) == pinned.end()) {
    return fail("bad_trust", "this validator's key is not among trust.keys.validator", {},
                "add " + options.key.verifier().text());
  }
  auto signed_log = SignedLog::open(options.state_dir);
  if (!signed_log) return std::unexpected(signed_log.error());
  return std::unique_ptr<Validator>(new Validator(loop, std::move(carrier), std::move(options),
                                                  std::move(*verifier), std::move(*signed_log)));
}

Validator::Validator(event::Loop& loop, std::unique_ptr<snapshot::Carrier> carrier,
                     ValidatorOptions options, snapshot::HeadVerifier verifier,
                     SignedLog signed_log)
    : loop_(loop),
      options_(std::move(options)),
      verifier_(std::move(verifier)),
      signed_(std::move(signed_log)),
      replica_(snapshot::StateReplica::of_all()),
      look_timer_(&Validator::on_look_timer, this),
      heartbeat_timer_(&Validator::on_heartbeat, this),
      carrier_(std::move(carrier)) {
  metrics_.epoch = signed_.size();
}

Validator::~Validator() = default;

Status Validator::start() {
  snapshot::CarrierTopics topics;
  topics.heads = true;
  topics.candidates = true;
  carrier_->start(topics, [this](CarrierEvent event, std::string_view) {
    if (event != CarrierEvent::kDisconnected) look();
  });
  look_timer_.set(loop_.timers(), loop_.now_ms() + kLookMs);
  heartbeat_timer_.set(loop_.timers(),
                       loop_.now_ms() + heartbeat_interval(options_.trust.max_age_ms));
  return {};
}

void Validator::on_look_timer(void* self) {
  auto& validator = *static_cast<Validator*>(self);
  validator.look_timer_.set(validator.loop_.timers(), validator.loop_.now_ms() + kLookMs);
  validator.look();
}

void Validator::on_heartbeat(void* self) {
  auto& validator = *static_cast<Validator*>(self);
  const MonoMs wait = heartbeat_interval(validator.options_.trust.max_age_ms);
  validator.heartbeat_timer_.set(validator.loop_.timers(), validator.loop_.now_ms() + wait);
  if (validator.signed_.size() == 0) return;
  ++validator.metrics_.heartbeats;
  validator.write_cosignature();
}

void Validator::look() {
  if (!carrier_->connected()) return;
  if (std::exchange(looking_, true)) {
    look_again_ = true;
    return;
  }
  carrier_->read_head([this](Result<std::optional<std::string>> text) { on_head(text); });
}

void Validator::finished() {
  looking_ = false;
  if (std::exchange(look_again_, false)) look();
}

void Validator::refuse(std::string_view what, const Error& why) {
  ++metrics_.refused[why.code];
  std::string text = std::string(what) + " refused (" + why.code + "): " + why.text();
  if (text == last_refusal_) return;
  spdlog::warn("{}", text);
  last_refusal_ = std::move(text);
}

Result<merkle::Checkpoint> Validator::verified(std::string_view note) const {
  auto head = verifier_.verify(note);
  if (!head) return std::unexpected(head.error());
  if (head->engines < verifier_.rules().require_engine) {
    return fail("not_enough_signatures", "the engine has not signed it");
  }
  return head->checkpoint;
}

// --- The head
// --------------------------------------------------------------------------------------------------------

void Validator::on_head(const Result<std::optional<std::string>>& text) {
  if (!text) return finished();  // the carrier is away, and says when it is back
  if (!*text) return read_candidate();
  const auto head = verified(**text);
  if (!head) {
    refuse("head", head.error());
    return read_candidate();
  }
  if (head->size == replica_.size() && head->root == replica_.log_root()) return read_candidate();
  if (examined_ && same(examined_->checkpoint, *head)) {
    take_head(*head, examined_->step);
    return read_candidate();
  }
  const uint64_t known = replica_.size() > 0 ? replica_.size() : signed_.size();
  if (head->size <= known && replica_.size() > 0) {
    refuse("head", {"rollback", "the head of epoch " + std::to_string(head->size) +
                                    " is not the one of epoch " + std::to_string(known)});
    return read_candidate();
  }
  const uint64_t after = known < head->size ? known : 0;
  head_read_ = std::make_unique<HeadRead>(*carrier_, *head, after,
                                          [this, checkpoint = *head](Result<StateStep> step) {
                                            const auto read = std::move(head_read_);
                                            if (step) {
                                              take_head(checkpoint, *step);
                                            } else {
                                              refuse("head", step.error());
                                            }
                                            read_candidate();
                                          });
}

// A head that is older than what was cosigned is the state that candidates start from; it is not
// cosigned again.
void Validator::take_head(const merkle::Checkpoint& head, const StateStep& step) {
  const bool is_new = head.size >= signed_.size();
  Result<merkle::CompactRange> range = merkle::CompactRange();
  if (is_new) {
    const auto& start = step.before && replica_.size() == 0 ? *step.before : replica_.log();
    range = signed_.follow(step.log, start, head);
  }
  if (!range) return refuse("head", range.error());
  const Status taken = replica_.take(
      head, step, [&](const auto& proposal) { return check_openings(proposal.step); });
  if (!taken) return refuse("head", taken.error());
  examined_.reset();
  if (!is_new) return;
  if (auto done = cosign(head, std::move(*range)); !done) refuse("head", done.error());
}

// --- The candidate
// ---------------------------------------------------------------------------------------------------

void Validator::read_candidate() {
  carrier_->read_candidate([this](Result<std::optional<std::string>> bytes) {
    if (bytes && *bytes) on_candidate(**bytes);
    finished();
  });
}

void Validator::on_candidate(const std::string& bytes) {
  auto candidate = snapshot::Candidate::parse(bytes);
  if (!candidate) return refuse("candidate", candidate.error());
  if (candidate->log.to() <= replica_.size()) return;  // enforced already, or overtaken
  if (auto judged = judge(std::move(*candidate)); !judged) refuse("candidate", judged.error());
}

Status Validator::judge(snapshot::Candidate candidate) {
  const auto checkpoint = verified(candidate.note);
  if (!checkpoint) return std::unexpected(checkpoint.error());
  if (examined_ && same(examined_->checkpoint, *checkpoint)) {
    write_cosignature();  // asked again: the answer was lost
    return {};
  }
  StateStep step;
  step.full = candidate.before.has_value();
  step.before = std::move(candidate.before);
  step.log = std::move(candidate.log);
  step.tenants = std::move(candidate.tenants);
  const auto& start = step.before && replica_.size() == 0 ? *step.before : replica_.log();
  auto range = signed_.follow(step.log, start, *checkpoint);
  if (!range) return std::unexpected(range.error());
  const Status proven = replica_.examine(
      *checkpoint, step, [&](const auto& proposal) { return check_openings(proposal.step); });
  if (!proven) return proven;
  if (auto signed_it = cosign(*checkpoint, std::move(*range)); !signed_it) return signed_it;
  examined_ = Examined{*checkpoint, std::move(step)};
  return {};
}

Status Validator::check_openings(const StateStep& step) const {
  if (!options_.secrets.present()) return {};
  for (const snapshot::TenantChange& change : step.tenants) {
    const merkle::TenantSecret secret = options_.secrets.of(change.tenant);
    const std::string summary =
        merkle::TenantSummary{change.tenant, change.proof.flags, change.proof.root}.json();
    bool right =
        change.proof.opening == secret.opening(LeafKind::kTenant, change.tenant, {}, summary);
    for (const snapshot::StateEntry& entry : change.changed) {
      const LeafKind kind = entry.key.empty() ? LeafKind::kMetadata : LeafKind::kFlag;
      right = right && entry.opening == secret.opening(kind, change.tenant, entry.key, entry.json);
    }
    if (!right) {
      return fail("wrong_opening", "an opening is not the one that the tenant's secret gives",
                  "tenant '" + change.tenant + "'", "is tenant_secret the engine's?");
    }
  }
  return {};
}

// --- Signing
// ---------------------------------------------------------------------------------------------------------

Status Validator::cosign(const merkle::Checkpoint& checkpoint, merkle::CompactRange range) {
  if (range.size() != signed_.size()) {
    if (auto advanced = signed_.advance(std::move(range)); !advanced) return advanced;
  }
  metrics_.epoch = signed_.size();
  ++metrics_.cosigned;
  last_refusal_.clear();
  spdlog::info("epoch {} cosigned", checkpoint.size);
  write_cosignature();
  return {};
}

void Validator::write_cosignature() {
  const merkle::Checkpoint checkpoint{options_.trust.origin, signed_.size(), signed_.root()};
  const auto signature = merkle::sign_text(checkpoint.text(), options_.key, unix_seconds());
  if (!signature) return refuse("checkpoint", signature.error());
  carrier_->put_cosignature(checkpoint.size, checkpoint.root, options_.key.verifier().text(),
                            signature->line(), [](Status) {});
}

}  // namespace flagmesh::validator
