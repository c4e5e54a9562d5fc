#include "proxy/stream/worker_stats.h"

namespace flagmesh::stream {

void ReasonCounters::add(std::string_view reason) {
  size_t hash = reason.size();
  for (const char c : reason) hash = hash * 31 + static_cast<unsigned char>(c);
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[(hash + i) % slots_.size()];
    const char* text = slot.text.load(std::memory_order_relaxed);
    if (text == nullptr) {
      slot.text.store(reason.data(), std::memory_order_release);
    } else if (reason != text) {
      continue;
    }
    slot.count.add();
    return;
  }
}

}  // namespace flagmesh::stream
