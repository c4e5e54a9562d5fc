#include "proxy/stream/connection_place.h"

#include <utility>

#include "proxy/limits.h"
#include "proxy/stream/listener_settings.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

ConnectionPlace& ConnectionPlace::operator=(ConnectionPlace&& other) noexcept {
  std::swap(worker_, other.worker_);
  std::swap(listeners_, other.listeners_);
  std::swap(processes_, other.processes_);
  std::swap(refused_, other.refused_);
  return *this;
}

ConnectionPlace::~ConnectionPlace() {
  if (worker_ == nullptr) return;
  if (processes_) worker_->connection_places->release();
  if (listeners_ != nullptr) listeners_->give_back(1);
  if (refused_) --worker_->refusing;
}

bool ConnectionPlace::take(WorkerContext& worker, const ListenerSettings& listener) {
  worker_ = &worker;
  Counter* over = nullptr;
  if (worker.connection_places) {
    processes_ = worker.connection_places->acquire();
    if (!processes_) over = &worker.stats.refused_for_connections;
  }
  if (over == nullptr && listener.places != nullptr) {
    if (listener.places->take(1) == 1) {
      listeners_ = listener.places.get();
    } else {
      over = &worker.stats.refused_for_listener;
    }
  }
  if (over == nullptr) return true;
  over->add();
  if (worker.refusing >= limits::kRefusedConnections) return false;
  ++worker.refusing;
  refused_ = true;
  return true;
}

}  // namespace flagmesh::stream
