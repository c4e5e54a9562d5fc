#include "merkle/epoch_log.h"

namespace flagmesh::merkle {

Status EpochLog::check_next(const EpochRecord& record) const {
  if (record.epoch != size() + 1)
    return fail("bad_epoch", "epoch " + std::to_string(record.epoch) + " after " +
                                 std::to_string(size()) + " epochs");
  if (size() > 0 && record.time_ms < last().time_ms)
    return fail("time_went_back",
                "epoch " + std::to_string(record.epoch) + " is older than the one before");
  return {};
}

Status EpochLog::append(const EpochRecord& record) {
  if (Status status = check_next(record); !status) return status;
  records_.push_back(record);
  tree_.append(record.leaf());
  return {};
}

void EpochLog::append_leaf(const Hash& leaf) {
  records_.emplace_back();
  tree_.append(leaf);
}

EpochLog EpochLog::first(uint64_t size) const {
  EpochLog log;
  for (uint64_t epoch = 1; epoch <= size; ++epoch) {
    log.records_.push_back(record(epoch));
    log.tree_.append(leaf(epoch));
  }
  return log;
}

Checkpoint EpochLog::checkpoint(std::string origin, uint64_t size) const {
  return {std::move(origin), size, root_at(size)};
}

CompactRange EpochLog::compact_range(uint64_t size) const {
  return CompactRange::of(tree_, size);
}

}  // namespace flagmesh::merkle
