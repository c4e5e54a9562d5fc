// The append-only log of epochs (RFC 9162), in memory: records and every node hash, so that roots
// and proofs of any earlier size are O(log n). About 180 bytes an epoch. One owner, one thread;
// const methods may run on several. A reader that needs only the head keeps a CompactRange instead.
// On disk: epoch_log_file.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "merkle/checkpoint.h"
#include "merkle/compact_range.h"
#include "merkle/epoch_record.h"
#include "merkle/tree.h"
#include "proxy/base/result.h"

namespace flagmesh::merkle {

class EpochLog {
 public:
  uint64_t size() const { return records_.size(); }
  // REQUIRES: 1 <= epoch <= size(). A log that was recovered has only the leaf of some: then the
  // record is all zeros, and find() gives null.
  const EpochRecord& record(uint64_t epoch) const { return records_[epoch - 1]; }
  const EpochRecord* find(uint64_t epoch) const {
    const EpochRecord& record = records_[epoch - 1];
    return record.epoch == 0 ? nullptr : &record;
  }
  const Hash& leaf(uint64_t epoch) const { return tree_.leaf(epoch - 1); }
  // Root of the perfect subtree of `count` leaves from number `begin` on. REQUIRES: as
  // Tree::perfect.
  Hash node(uint64_t begin, uint64_t count) const { return tree_.perfect(begin, count); }
  // REQUIRES: size() > 0.
  const EpochRecord& last() const { return records_.back(); }

  // The record that comes next may be appended: its epoch is size()+1 and its time not below the
  // last one's. Codes "bad_epoch", "time_went_back".
  Status check_next(const EpochRecord& record) const;
  // Appends, or fails as check_next does and changes nothing.
  Status append(const EpochRecord& record);
  // An epoch of which only the leaf is known. A record has to follow before last() is asked.
  void append_leaf(const Hash& leaf);
  // The first `size` epochs of this log. REQUIRES: size <= size().
  EpochLog first(uint64_t size) const;

  Hash root() const { return tree_.root(); }
  // REQUIRES for all of these: sizes at most size(), epochs in 1..size.
  Hash root_at(uint64_t size) const { return tree_.root_at(size); }
  Checkpoint checkpoint(std::string origin, uint64_t size) const;
  Checkpoint checkpoint(std::string origin) const { return checkpoint(std::move(origin), size()); }
  Proof inclusion(uint64_t epoch, uint64_t size) const { return tree_.inclusion(epoch - 1, size); }
  Proof consistency(uint64_t old_size, uint64_t size) const {
    return tree_.consistency(old_size, size);
  }
  CompactRange compact_range(uint64_t size) const;

 private:
  std::vector<EpochRecord> records_;
  Tree tree_;
};

}  // namespace flagmesh::merkle
