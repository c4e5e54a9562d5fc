// One worker's numbers. Written by the worker, read by /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "proxy/base/counter.h"

namespace flagmesh::stream {

// Reasons of local replies are tokens of a table that is known when the program is built; counted by a small open hash of their text.
class ReasonCounters {
 public:
  void add(std::string_view reason);
  template <class Visit>  // visit(std::string_view reason, uint64_t count)
  void for_each(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      const char* text = slot.text.load(std::memory_order_acquire);
      if (text != nullptr) visit(std::string_view(text), slot.count.value());
    }
  }

 private:
  struct Slot {
    std::atomic<const char*> text{nullptr};  // a literal of the error table
    Counter count;
  };
  std::array<Slot, 128> slots_;
};

struct alignas(64) WorkerStats {
  Counter requests;
  Counter connections_accepted;
  Counter connections;  // a gauge
  Counter connections_refused;
  Counter tls_handshakes;         // that ended well
  Counter tls_resumed;            // of these
  Counter tls_handshakes_waited;  // over the limit: began later
  ReasonCounters tls_failures;    // net::tls_failure_name
  Counter refused_for_connections;  // over proxy.limits.max_connections: answered 503, or closed
  Counter refused_for_listener;     // the same for a listener's max_connections
  Counter refused_for_memory;       // requests over proxy.limits.buffered_bytes
  Counter refused_for_files;        // clients told 503 because no descriptor was left
  Counter buffered_bytes;           // a gauge: of all Buffers of the worker's thread
  Counter streams_changed;          // told to end because their user's variant changed
  Counter bytes_in;     // of bodies
  Counter bytes_out;
  std::array<Counter, 6> responses;  // by class; [0]: the client was gone before a head
  std::array<Counter, 8> filter_calls;
  std::array<Counter, 12> whys;      // by stream::Why
  Counter stale_decisions;
  ReasonCounters local_replies;
  // Time from the request head to the end of the response: bucket i counts those that took less than 2^i ms.
  std::array<Counter, 18> duration;
  Counter duration_sum_ms;
};

}  // namespace flagmesh::stream
