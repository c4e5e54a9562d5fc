// The engine's numbers, as /metrics shows them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace flagmesh::engine {

// Written and read on the engine's thread.
struct EngineMetrics {
  uint64_t publishes = 0;
  std::map<std::string, uint64_t> publish_failures;                  // by Error::code
  std::map<std::pair<std::string, std::string>, uint64_t> commands;  // result, reason
  std::map<std::pair<std::string, std::string>, uint64_t> api_writes;
  uint64_t file_loads = 0;
  uint64_t file_refusals = 0;
  uint64_t healed = 0;
  uint64_t recoveries = 0;
  uint64_t take_overs = 0;
};

// What else is shown, taken when it is asked for.
struct EngineGauges {
  uint64_t epoch = 0;
  uint64_t flags = 0;
  uint64_t log_size = 0;
  uint64_t heartbeats = 0;
  bool connected = false;
  bool standby = false;
};

// Prometheus text, version 0.0.4.
std::string metrics_text(const EngineMetrics& metrics, const EngineGauges& gauges);

}  // namespace flagmesh::engine
