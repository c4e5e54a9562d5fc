// Published state: deltas, manifests, chunks, candidates. What is accepted is written back byte for
// byte, and a replica that is shown it never takes what no checkpoint proves.
#include <cstdlib>
#include <string_view>

#include "control/snapshot/published_state.h"
#include "control/snapshot/state_replica.h"

using namespace flagmesh::snapshot;

namespace {

void show_to_replica(StateStep step) {
  StateReplica replica = step.tenants.size() == 1 ? StateReplica::of_tenant(step.tenants[0].tenant)
                                                  : StateReplica::of_all();
  flagmesh::merkle::Checkpoint checkpoint;
  checkpoint.origin = "fuzz";
  checkpoint.size = step.log.to();
  if (replica.take(checkpoint, step)) std::abort();  // its root is zero: nothing hashes to it
  if (replica.size() != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (auto delta = Delta::parse(input, "default"); delta) {
    if (delta->encode() != input) std::abort();
    StateStep step;
    step.log = delta->log;
    step.tenants = {delta->change};
    show_to_replica(step);
    std::vector<Delta> twice{*delta, *delta};
    if (join_deltas(std::move(twice))) std::abort();
  }
  if (auto manifest = Manifest::parse(input); manifest && manifest->encode() != input) std::abort();
  std::vector<StateEntry> entries;
  const ChunkRef ref{flagmesh::merkle::sha256(input), static_cast<uint32_t>(size)};
  if (parse_chunk(input, ref, entries) && encode_chunk(entries) != input) std::abort();
  if (auto candidate = Candidate::parse(input); candidate) {
    if (candidate->encode() != input) std::abort();
    show_to_replica(
        {candidate->before.has_value(), candidate->log, candidate->before, candidate->tenants});
  }
  return 0;
}
