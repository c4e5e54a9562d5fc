#include "control/engine/heartbeat.h"

#include <algorithm>
#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::engine {

namespace {

constexpr MonoMs kLookAgainMs = 1'000;

}  // namespace

MonoMs heartbeat_interval(int64_t max_age_ms) {
  return static_cast<MonoMs>(std::clamp<int64_t>(max_age_ms / 10, 1'000, 60'000));
}

Heartbeat::Heartbeat(event::Loop& loop, snapshot::Carrier& carrier, redis::Publisher& publisher,
                     const HeadSigner& signer, const snapshot::HeadVerifier& verifier)
    : loop_(loop),
      carrier_(carrier),
      publisher_(publisher),
      signer_(signer),
      verifier_(verifier),
      timer_(&Heartbeat::on_timer, this) {}

void Heartbeat::start() {
  if (!signer_.signs()) return;  // unsigned state has no age
  timer_.set(loop_.timers(), loop_.now_ms() + heartbeat_interval(verifier_.rules().max_age_ms));
}

void Heartbeat::beat() {
  if (!signer_.signs()) return;
  const MonoMs now = loop_.now_ms();
  const MonoMs interval = heartbeat_interval(verifier_.rules().max_age_ms);
  const std::string head = publisher_.head();
  const bool beats = !paused_ && !head.empty();
  // Who stood still, or could not reach the carrier, may have been replaced meanwhile: it looks
  // before it says that it is there.
  const bool sure = now < publisher_.confirmed_ms() + 2 * interval;
  timer_.set(loop_.timers(), now + (beats && !sure ? std::min(interval, kLookAgainMs) : interval));
  if (!beats) return;
  if (!sure) return publisher_.look();
  if (verifier_.rules().validator_keys.empty()) return renew(head, {});
  const auto verified = verifier_.verify(head);
  if (!verified) return;
  const merkle::Checkpoint& checkpoint = verified->checkpoint;
  carrier_.read_cosignatures(checkpoint.size, checkpoint.root,
                             [this, head](Result<std::vector<std::string>> lines) {
                               renew(head, lines.value_or(std::vector<std::string>()));
                             });
}

void Heartbeat::renew(const std::string& head, const std::vector<std::string>& cosignatures) {
  if (head != publisher_.head()) return;  // it moved meanwhile, and is young
  auto renewed = signer_.renew(head, unix_seconds());
  if (!renewed) return;
  auto complete = add_cosignatures(*renewed, cosignatures, verifier_.rules().validator_keys);
  if (!complete) return;
  ++beats_;
  publisher_.renew(std::move(*complete));
}

}  // namespace flagmesh::engine
