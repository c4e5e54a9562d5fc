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
using snapshot::VerifiedHead;

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
      policy_(options_.policy),
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
    metrics_.connected = carrier_->connected();
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
  metrics_.refusal = why;
  metrics_.refused_at = unix_seconds();
  std::string text = std::string(what) + " refused (" + why.code + "): " + why.text();
  if (text == last_refusal_) return;
  spdlog::warn("{}", text);
  last_refusal_ = std::move(text);
}

Result<VerifiedHead> Validator::verified(std::string_view note) const {
  auto head = verifier_.verify(note);
  if (!head) return std::unexpected(head.error());
  if (head->engines < verifier_.rules().require_engine) {
    return fail("not_enough_signatures", "the engine has not signed it");
  }
  return head;
}

// Routers enforce it, whatever this validator thinks of it.
bool Validator::in_force(const VerifiedHead& head) const {
  return head.validators >= std::max<uint32_t>(1, verifier_.rules().require_validator);
}

// Whether the policy may start from it, though no state is at hand to judge it by.
bool Validator::is_base(const VerifiedHead& head) const {
  const merkle::Checkpoint& is = head.checkpoint;
  return signed_.size() == 0 || (is.size == signed_.size() && is.root == signed_.root()) ||
         (is.size == signed_.head().size && is.root == signed_.head().root) || trust_head_ ||
         in_force(head);
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
  const merkle::Checkpoint& checkpoint = head->checkpoint;
  if (checkpoint.size == replica_.size() && checkpoint.root == replica_.log_root()) {
    return read_candidate();
  }
  if (examined_ && same(examined_->checkpoint, checkpoint)) {
    take_head(*head, examined_->step);
    return read_candidate();
  }
  const uint64_t known = replica_.size() > 0 ? replica_.size() : signed_.size();
  if (checkpoint.size <= known && replica_.size() > 0) {
    refuse("head", {"rollback", "the head of epoch " + std::to_string(checkpoint.size) +
                                    " is not the one of epoch " + std::to_string(known)});
    return read_candidate();
  }
  const uint64_t after = known < checkpoint.size ? known : 0;
  head_read_ = std::make_unique<redis::HeadRead>(*carrier_, checkpoint, after,
                                                 [this, head = *head](Result<StateStep> step) {
                                                   const auto read = std::move(head_read_);
                                                   if (step) {
                                                     take_head(head, *step);
                                                   } else {
                                                     refuse("head", step.error());
                                                   }
                                                   read_candidate();
                                                 });
}

// A head that is older than what was cosigned is the state that candidates start from; it is not
// cosigned again.
void Validator::take_head(const VerifiedHead& verified_head, const StateStep& step) {
  const merkle::Checkpoint& head = verified_head.checkpoint;
  const bool is_new = head.size >= signed_.size();
  const bool was_examined = examined_ && same(examined_->checkpoint, head);
  const bool was_cosigned = head.size == signed_.size() && head.root == signed_.root();
  Result<merkle::CompactRange> range = merkle::CompactRange();
  if (is_new) {
    const auto& start = step.before && replica_.size() == 0 ? *step.before : replica_.log();
    range = signed_.follow(step.log, start, head);
  }
  if (!range) return refuse("head", range.error());
  // Judged once, as a candidate or here. Without a state to judge from it is the base or nothing.
  const bool judged_here = policy_.restricts() && !was_examined && !was_cosigned;
  const bool has_state = replica_.size() > 0;
  if (judged_here && !has_state && !is_base(verified_head)) {
    return refuse("head", {"base_unknown",
                           "the state that was cosigned last (epoch " +
                               std::to_string(signed_.size()) +
                               ") is not in force, so the policy cannot be judged",
                           {},
                           "flagmesh validator --trust-head takes the one in force"});
  }
  bool cosigns = is_new && (has_state || signed_.size() == 0 || was_cosigned || trust_head_ ||
                            !policy_.restricts());
  Result<PolicyMemory> memory = signed_.memory();
  base_roots_ = roots_before(step);
  const Status taken = replica_.take(head, step, [&](const auto& proposal) -> Status {
    if (Status right = check_openings(proposal.step); !right) return right;
    if (!judged_here || !has_state) return {};
    memory = allow(proposal, {});
    if (memory) return {};
    if (!in_force(verified_head)) return std::unexpected(memory.error());
    refuse("head", memory.error());
    cosigns = false;
    return {};
  });
  if (!taken) return refuse("head", taken.error());
  examined_.reset();
  trust_head_ = false;
  if (!cosigns) return;
  if (auto done = cosign(head, std::move(*range), std::move(*memory)); !done) {
    refuse("head", done.error());
  }
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
  const auto head = verified(candidate->note);
  if (!head) return refuse("candidate", head.error());
  const merkle::Checkpoint checkpoint = head->checkpoint;
  if (auto judged = judge(checkpoint, std::move(*candidate)); !judged) {
    refuse("candidate", judged.error());
    tell_engine(checkpoint, judged.error());
  }
}

Status Validator::judge(const merkle::Checkpoint& checkpoint, snapshot::Candidate candidate) {
  if (examined_ && same(examined_->checkpoint, checkpoint)) {
    write_cosignature();  // asked again: the answer was lost
    return {};
  }
  StateStep step;
  step.full = candidate.before.has_value();
  step.before = std::move(candidate.before);
  step.log = std::move(candidate.log);
  step.tenants = std::move(candidate.tenants);
  const auto& start = step.before && replica_.size() == 0 ? *step.before : replica_.log();
  auto range = signed_.follow(step.log, start, checkpoint);
  if (!range) return std::unexpected(range.error());
  const bool was_cosigned = checkpoint.size == signed_.size();  // and follow() compared the roots
  const bool judges = policy_.restricts() && !was_cosigned;
  if (judges && replica_.size() == 0 && signed_.size() > 0) {
    return fail("base_unknown", "the state that was cosigned last is not known yet");
  }
  Result<PolicyMemory> memory = signed_.memory();
  snapshot::FlagTable flags;
  base_roots_ = roots_before(step);
  const Status proven = replica_.examine(checkpoint, step, [&](const auto& proposal) -> Status {
    if (Status right = check_openings(proposal.step); !right) return right;
    flags = proposal.after;
    if (judges) memory = allow(proposal, candidate.lock);
    return memory ? Status() : std::unexpected(memory.error());
  });
  if (!proven) return proven;
  if (auto signed_it = cosign(checkpoint, std::move(*range), std::move(*memory)); !signed_it) {
    return signed_it;
  }
  examined_ = Examined{checkpoint, std::move(step), std::move(flags)};
  return {};
}

// Before the trees of the replica change: what each tenant's root was.
std::map<std::string, merkle::Hash> Validator::roots_before(const StateStep& step) const {
  std::map<std::string, merkle::Hash> roots;
  for (const snapshot::TenantChange& change : step.tenants) {
    roots.emplace(change.tenant, replica_.tenant_root(change.tenant));
  }
  return roots;
}

Result<PolicyMemory> Validator::allow(const snapshot::StateReplica::Proposal& proposal,
                                      const std::string& lock) const {
  const snapshot::FlagTable& before = examined_ ? examined_->flags : proposal.before;
  Policy::Case what{.epoch = proposal.checkpoint.size,
                    .now = unix_seconds(),
                    .before = before,
                    .after = proposal.after,
                    .lock = lock,
                    .head = replica_.size()};
  for (const snapshot::TenantChange& change : proposal.step.tenants) {
    std::optional<std::string_view> metadata;
    if (proposal.step.full) metadata = std::string_view();
    for (const snapshot::StateEntry& entry : change.changed) {
      if (entry.key.empty()) metadata = entry.json;
    }
    if (!change.gone.empty() && change.gone.front().empty()) metadata = std::string_view();
    if (metadata && *metadata != replica_.metadata(change.tenant)) what.metadata_changed = true;
    Policy::Case::Tenant tenant{change.tenant, {}, change.proof.root};
    const merkle::Hash head_root = base_roots_.at(change.tenant);
    tenant.from.emplace_back(head_root);
    if (head_root == merkle::empty_root()) tenant.from.emplace_back(std::nullopt);
    if (examined_) {
      for (const snapshot::TenantChange& cosigned : examined_->step.tenants) {
        if (cosigned.tenant == change.tenant) tenant.from.emplace_back(cosigned.proof.root);
      }
    }
    if (head_root != change.proof.root) what.tenants.push_back(std::move(tenant));
  }
  return policy_.judge(what, signed_.memory());
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

Status Validator::cosign(const merkle::Checkpoint& checkpoint, merkle::CompactRange range,
                         PolicyMemory memory) {
  if (range.size() != signed_.size()) {
    const HeadInForce head{replica_.size(), replica_.log_root()};
    if (auto advanced = signed_.advance(std::move(range), std::move(memory), head); !advanced) {
      return advanced;
    }
  }
  metrics_.epoch = signed_.size();
  ++metrics_.cosigned;
  metrics_.refusal.reset();
  last_refusal_.clear();
  spdlog::info("epoch {} cosigned", checkpoint.size);
  write_cosignature();
  return {};
}

void Validator::write_cosignature() {
  const auto signature = cosignature();
  if (!signature) return refuse("checkpoint", signature.error());
  carrier_->put_cosignature(signed_.size(), signed_.root(), options_.key.verifier().text(),
                            signature->line(), [](Status) {});
}

Result<merkle::NoteSignature> Validator::cosignature() const {
  const merkle::Checkpoint checkpoint{options_.trust.origin, signed_.size(), signed_.root()};
  return merkle::sign_text(checkpoint.text(), options_.key, unix_seconds());
}

// For people: the engine shows it to whoever waits for the epoch, and believes nothing of it.
void Validator::tell_engine(const merkle::Checkpoint& checkpoint, const Error& why) {
  carrier_->put_cosignature(checkpoint.size, checkpoint.root, options_.key.verifier().text(),
                            snapshot::refusal_line(why), [](Status) {});
}

}  // namespace flagmesh::validator
