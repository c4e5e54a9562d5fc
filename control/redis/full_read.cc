#include "control/redis/full_read.h"

#include <algorithm>
#include <utility>

namespace flagmesh::redis {

using snapshot::Carrier;
using snapshot::Manifest;

// Shared with the calls that are out; a FullRead that is gone has no `done` any more.
struct FullRead::Work : std::enable_shared_from_this<Work> {
  Carrier& carrier;
  const std::string tenant;
  const uint64_t size;
  const uint64_t after;
  Done done;
  FullState state;

  Work(Carrier& from, std::string name, uint64_t head_size, uint64_t from_size, Done when_done)
      : carrier(from),
        tenant(std::move(name)),
        size(head_size),
        after(from_size),
        done(std::move(when_done)) {}

  void finish(Result<FullState> result) {
    Done told = std::exchange(done, nullptr);
    if (told) told(std::move(result));
  }

  void on_manifest(Result<std::optional<std::string>> bytes) {
    if (!done) return;
    if (!bytes) {
      finish(std::unexpected(bytes.error()));
      return;
    }
    if (!*bytes) {
      finish(fail("missing_manifest", "the state of the head is not there",
                  "tenant '" + tenant + "'"));
      return;
    }
    Result<Manifest> manifest = Manifest::parse(**bytes);
    if (!manifest) {
      finish(std::unexpected(manifest.error()));
      return;
    }
    if (manifest->record.epoch != size) {
      finish(fail("bad_record", "the manifest is of epoch " +
                                    std::to_string(manifest->record.epoch) + ", the head of " +
                                    std::to_string(size)));
      return;
    }
    state.manifest = *std::move(manifest);
    next();
  }

  // Asks for what is still missing, a batch at a time.
  void next() {
    const auto self = shared_from_this();
    if (state.chunks.size() < state.manifest.chunks.size()) {
      const size_t begin = state.chunks.size();
      const size_t end = std::min(begin + Carrier::kChunkBatch, state.manifest.chunks.size());
      std::vector<merkle::Hash> hashes;
      for (size_t i = begin; i < end; i++) hashes.push_back(state.manifest.chunks[i].hash);
      carrier.read_chunks(tenant, std::move(hashes),
                          [self](auto chunks) { self->on_chunks(std::move(chunks)); });
    } else if (after > 0 && after + state.leaves.size() < size - 1) {
      carrier.read_leaves(after + state.leaves.size(), size - 1,
                          [self](auto leaves) { self->on_leaves(std::move(leaves)); });
    } else {
      finish(std::move(state));
    }
  }

  void on_chunks(Result<std::vector<std::optional<std::string>>> chunks) {
    if (!done) return;
    if (!chunks) {
      finish(std::unexpected(chunks.error()));
      return;
    }
    for (std::optional<std::string>& chunk : *chunks) {
      if (!chunk) {
        const merkle::Hash& hash = state.manifest.chunks[state.chunks.size()].hash;
        finish(fail("missing_chunk", "a part of the state is not there", hash.hex()));
        return;
      }
      state.chunks.push_back(*std::move(chunk));
    }
    next();
  }

  void on_leaves(Result<std::vector<merkle::Hash>> leaves) {
    if (!done) return;
    if (!leaves) {
      finish(std::unexpected(leaves.error()));
      return;
    }
    if (leaves->empty()) {
      finish(fail("missing_leaves", "the log between epoch " +
                                        std::to_string(after + state.leaves.size()) + " and " +
                                        std::to_string(size) + " is not there"));
      return;
    }
    state.leaves.insert(state.leaves.end(), leaves->begin(), leaves->end());
    next();
  }
};

FullRead::FullRead(Carrier& carrier, std::string tenant, uint64_t size, const merkle::Hash& root,
                   uint64_t after, Done done)
    : work_(std::make_shared<Work>(carrier, std::move(tenant), size, after, std::move(done))) {
  carrier.read_manifest(work_->tenant, root,
                        [self = work_](auto bytes) { self->on_manifest(std::move(bytes)); });
}

FullRead::~FullRead() {
  work_->done = nullptr;
}

}  // namespace flagmesh::redis
