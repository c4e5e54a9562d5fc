#include "control/engine/engine_metrics.h"

#include <gtest/gtest.h>

namespace flagmesh::engine {
namespace {

TEST(EngineMetrics, EveryFamilyIsThereFromTheStart) {
  const std::string text = metrics_text({}, {});
  for (const char* line :
       {"flagmesh_engine_epoch 0\n", "flagmesh_engine_publish_failures_total 0\n",
        "flagmesh_engine_commands_total{result=\"accepted\",reason=\"\"} 0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(EngineMetrics, CountsByReason) {
  EngineMetrics metrics;
  metrics.commands[{"refused", "replayed"}] = 3;
  metrics.publish_failures["reserved"] = 2;
  EngineGauges gauges;
  gauges.epoch = 7;
  gauges.connected = true;
  const std::string text = metrics_text(metrics, gauges);
  for (const char* line :
       {"\nflagmesh_engine_epoch 7\n", "\nflagmesh_engine_carrier_connected 1\n",
        "\nflagmesh_engine_commands_total{result=\"refused\",reason=\"replayed\"} 3\n",
        "\nflagmesh_engine_publish_failures_total{reason=\"reserved\"} 2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

}  // namespace
}  // namespace flagmesh::engine
