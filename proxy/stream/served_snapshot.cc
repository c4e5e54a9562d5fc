#include "proxy/stream/served_snapshot.h"

namespace flagmesh::stream {

VariantCounters::VariantCounters(std::string flag, std::vector<std::string> variants, uint32_t workers)
    : flag_(std::move(flag)),
      variants_(std::move(variants)),
      counts_(static_cast<size_t>(workers) * (variants_.size() + 1)) {
  for (const std::string& variant : variants_) {
    lines_.push_back("x-flagmesh-flag: " + flag_ + "\r\nx-flagmesh-variant: " + variant + "\r\n");
  }
}

ServedSnapshot::ServedSnapshot(std::shared_ptr<const snapshot::Snapshot> built)
    : snapshot(std::move(built)), epoch_line("x-flagmesh-epoch: " + std::to_string(snapshot->trust.epoch) + "\r\n") {}

uint64_t VariantCounters::total(size_t variant) const {
  uint64_t sum = 0;
  for (size_t i = variant; i < counts_.size(); i += variants_.size() + 1) sum += counts_[i].value();
  return sum;
}

WorkerSnapshot::WorkerSnapshot(std::shared_ptr<const ServedSnapshot> served,
                               std::vector<upstream::Container*> containers, OnUnused on_unused, void* context)
    : served_(std::move(served)),
      containers_(std::move(containers)),
      on_unused_(on_unused),
      context_(context) {
  for (upstream::Container* container : containers_) container->add_ref();
}

WorkerSnapshot::~WorkerSnapshot() {
  for (upstream::Container* container : containers_) container->release_ref();
}

}  // namespace flagmesh::stream
