#include "control/ofrep/router_flags.h"

namespace flagmesh::ofrep {

namespace {

constexpr size_t kVersionLetters = 32;

}  // namespace

FlagSource::State RouterFlags::state(const snapshot::Route* route) const {
  if (worker_.snapshot == nullptr) return State::kNone;
  const snapshot::TrustStatus& trust = snapshot().trust;
  if (trust.proven && trust.fresh_at(worker_.io.loop().unix_seconds() * 1000, worker_.io.loop().now_ms())) return State::kReady;
  if (route != nullptr && route->when_unproven == snapshot::WhenUnproven::kRefuse) {
    return State::kRefused;
  }
  return trust.epoch == 0 ? State::kNone : State::kStale;
}

std::string_view RouterFlags::tenant(const snapshot::Route* route) const {
  return route == nullptr ? std::string_view() : std::string_view(route->tenant);
}

std::string RouterFlags::version(std::string_view) const {
  return snapshot().trust.tenant_root.hex().substr(0, kVersionLetters);
}

const flags::CompiledFlag* RouterFlags::find(std::string_view tenant, std::string_view key) const {
  const snapshot::FlagEntry* entry = snapshot().flags.find(tenant, key);
  return entry == nullptr ? nullptr : entry->flag.get();
}

void RouterFlags::for_each(std::string_view tenant,
                           const std::function<void(FlagPtr)>& visit) const {
  snapshot().flags.for_each_of(tenant, [&](const snapshot::FlagEntry& entry) {
    visit(entry.flag);
    return true;
  });
}

const flags::JsonValue* RouterFlags::metadata(std::string_view) const {
  return snapshot().trust.metadata.get();
}

}  // namespace flagmesh::ofrep
