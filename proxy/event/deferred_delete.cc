#include "proxy/event/deferred_delete.h"

namespace flagmesh::event {

void DeferredDeleter::drain() {
  while (!dead_.empty()) {
    std::vector<std::unique_ptr<DeferredDeletable>> batch;
    batch.swap(dead_);
    batch.clear();
    if (dead_.empty()) dead_.swap(batch);  // keep the capacity
  }
}

}  // namespace flagmesh::event
