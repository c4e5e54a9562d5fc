#include "control/engine/heartbeat.h"

#include <algorithm>
#include <utility>

#include "proxy/base/time.h"

namespace flagmesh::engine {

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
  timer_.set(loop_.timers(), loop_.now_ms() + heartbeat_interval(verifier_.rules().max_age_ms));
  const std::string head = publisher_.head();
  if (head.empty()) return;
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
