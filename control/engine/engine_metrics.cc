#include "control/engine/engine_metrics.h"

#include <string_view>

namespace flagmesh::engine {
namespace {

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    name_ = name;
  }
  // `labels` with their braces, or empty. Label values are codes of ours: nothing to escape.
  void value(const std::string& labels, uint64_t number) {
    out_.append(name_).append(labels).append(" ").append(std::to_string(number)).append("\n");
  }
  void single(std::string_view name, std::string_view type, std::string_view help,
              uint64_t number) {
    family(name, type, help);
    value({}, number);
  }
  void results(std::string_view name, std::string_view help,
               const std::map<std::pair<std::string, std::string>, uint64_t>& counts) {
    family(name, "counter", help);
    if (!counts.contains({"accepted", ""})) value(R"({result="accepted",reason=""})", 0);
    for (const auto& [key, count] : counts) {
      value("{result=\"" + key.first + "\",reason=\"" + key.second + "\"}", count);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

}  // namespace

std::string metrics_text(const EngineMetrics& metrics, const EngineGauges& gauges) {
  Text text;
  text.single("flagmesh_engine_epoch", "gauge", "Epoch that routers are given.", gauges.epoch);
  text.single("flagmesh_engine_log_size", "gauge", "Records in the epoch log.", gauges.log_size);
  text.single("flagmesh_engine_flags", "gauge", "Flags, those on their way included.",
              gauges.flags);
  text.single("flagmesh_engine_carrier_connected", "gauge", "1 while Redis can be reached.",
              gauges.connected ? 1 : 0);
  text.single("flagmesh_engine_heartbeats_total", "counter", "Heads renewed.", gauges.heartbeats);
  text.single("flagmesh_engine_publishes_total", "counter", "Epochs published.", metrics.publishes);
  text.family("flagmesh_engine_publish_failures_total", "counter", "Steps that failed, by reason.");
  if (metrics.publish_failures.empty()) text.value({}, 0);
  for (const auto& [code, count] : metrics.publish_failures) {
    text.value("{reason=\"" + code + "\"}", count);
  }
  text.single("flagmesh_engine_healed_total", "counter",
              "Times that a lost head was published again.", metrics.healed);
  text.single("flagmesh_engine_recoveries_total", "counter",
              "Times that another engine's epoch was read and followed.", metrics.recoveries);
  text.single("flagmesh_engine_standby", "gauge", "1 while another engine is active.",
              gauges.standby ? 1 : 0);
  text.single("flagmesh_engine_take_overs_total", "counter",
              "Times that this engine became the active one.", metrics.take_overs);
  text.results("flagmesh_engine_commands_total", "Commands over Redis.", metrics.commands);
  text.results("flagmesh_engine_api_writes_total", "Changes through the API.", metrics.api_writes);
  text.single("flagmesh_engine_file_loads_total", "counter", "Flag files read.",
              metrics.file_loads);
  text.single("flagmesh_engine_file_refusals_total", "counter", "Flag files refused whole.",
              metrics.file_refusals);
  return text.take();
}

}  // namespace flagmesh::engine
