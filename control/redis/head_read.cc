#include "control/redis/head_read.h"

#include <utility>

namespace flagmesh::redis {

using snapshot::StateStep;

HeadRead::HeadRead(snapshot::Carrier& carrier, const merkle::Checkpoint& head, uint64_t after,
                   Done done)
    : carrier_(carrier), head_(head), after_(after), done_(std::move(done)) {
  step_.full = true;
  step_.log.from = after;
  carrier.read_tenants(
      head.root, [this, alive = alive_](Result<std::optional<std::vector<std::string>>> names) {
        if (!*alive) return;
        if (!names) return finish(std::unexpected(names.error()));
        if (!*names) return finish(fail("missing_tenants", "the state of the head is not there"));
        tenants_ = std::move(**names);
        next();
      });
}

HeadRead::~HeadRead() {
  *alive_ = false;
}

void HeadRead::finish(Result<StateStep> result) {
  std::exchange(done_, nullptr)(std::move(result));
}

// The log's leaves come with the first tenant.
void HeadRead::next() {
  const size_t index = step_.tenants.size();
  if (index == tenants_.size()) {
    if (!step_.before) return finish(fail("missing_tenants", "the state has no tenant"));
    return finish(std::move(step_));
  }
  read_ = std::make_unique<FullRead>(
      carrier_, tenants_[index], head_.size, head_.root, index == 0 ? after_ : 0,
      [this](Result<FullState> state) { took(std::move(state)); });
}

void HeadRead::took(Result<FullState> state) {
  if (!state) return finish(std::unexpected(state.error()));
  snapshot::TenantChange tenant;
  tenant.tenant = tenants_[step_.tenants.size()];
  tenant.proof = state->manifest.proof;
  for (size_t i = 0; i < state->chunks.size(); ++i) {
    Status parsed =
        snapshot::parse_chunk(state->chunks[i], state->manifest.chunks[i], tenant.changed);
    if (!parsed) return finish(std::unexpected(parsed.error()));
  }
  if (step_.tenants.empty()) {
    step_.before = std::move(state->manifest.before);
    step_.log.skipped = std::move(state->leaves);
    step_.log.record = state->manifest.record;
  }
  step_.tenants.push_back(std::move(tenant));
  next();
}

}  // namespace flagmesh::redis
