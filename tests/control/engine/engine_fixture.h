// An engine on a memory carrier with a flag file in a folder of its own; the loop is pumped by the
// test.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/engine/engine.h"
#include "control/engine/engine_api.h"
#include "control/snapshot/acceptance.h"
#include "control/snapshot/memory_carrier.h"

namespace flagmesh::engine {

inline merkle::SigningKey test_key(const std::string& name, merkle::SignatureType type,
                                   uint8_t seed) {
  merkle::Hash bytes;
  bytes.bytes.fill(seed);
  return *merkle::SigningKey::from_seed(name, type, bytes);
}

inline merkle::SigningKey engine_key() {
  return test_key("engine.test", merkle::SignatureType::kEd25519, 1);
}
inline merkle::SigningKey validator_key() {
  return test_key("validator.test", merkle::SignatureType::kCosignatureV1, 2);
}
inline merkle::SigningKey command_key() {
  return test_key("operator.test", merkle::SignatureType::kEd25519, 3);
}

inline std::string checkout(int on) {
  return "flags:\n  checkout:\n    state: ENABLED\n    variants: { \"on\": true, \"off\": false }\n"
         "    defaultVariant: \"off\"\n    rollout: { \"on\": " +
         std::to_string(on) + ", \"off\": " + std::to_string(100 - on) + " }\n";
}

class EngineTest : public testing::Test {
 protected:
  EngineTest() : loop_(*event::Loop::create()) {
    char name[] = "/tmp/flagmesh-engine-XXXXXX";
    folder_ = mkdtemp(name);
    write("flags/shop.yaml", checkout(25));
  }
  ~EngineTest() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(folder_) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path.string() + ".tmp") << text;
    std::filesystem::rename(path.string() + ".tmp", path);
  }

  snapshot::TrustRules rules() const {
    snapshot::TrustRules rules;
    rules.origin = "engine.test";
    rules.engine_keys.push_back(engine_key().verifier());
    rules.max_age_ms = max_age_ms_;
    if (with_validator_) {
      rules.validator_keys.push_back(validator_key().verifier());
      rules.require_validator = 1;
    }
    return rules;
  }

  EngineOptions options() {
    EngineOptions options;
    options.flags.files = {folder_ + "/flags/*.yaml"};
    options.trust = rules();
    options.state_dir = folder_ + "/state";
    options.key = engine_key();
    options.commands = commands_;
    options.tokens = tokens_;
    options.require_lock = require_lock_;
    if (require_lock_.asked_for()) options.lock_file = folder_ + "/flags.lock";
    return options;
  }

  std::unique_ptr<snapshot::Carrier> carrier() {
    return std::make_unique<snapshot::MemoryCarrier>(
        bus_, [this](std::move_only_function<void()> task) { loop_->post(std::move(task)); });
  }

  void start() {
    auto engine = Engine::create(*loop_, carrier(), options());
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = std::move(*engine);
    ASSERT_TRUE(engine_->start());
  }
  void start_and_publish() {
    ASSERT_NO_FATAL_FAILURE(start());
    ASSERT_TRUE(pump([&] { return engine_->epochs().epoch() > 0; }));
  }
  void restart() {
    engine_.reset();
    ASSERT_NO_FATAL_FAILURE(start());
  }

  // Runs the loop until it is so; false after five seconds.
  bool pump(const std::function<bool()>& so) {
    const MonoMs deadline = mono_ms() + 5'000;
    while (!so()) {
      if (mono_ms() > deadline) return false;
      loop_->run_once(10);
    }
    return true;
  }

  Result<uint64_t> change(const std::string& key, const FlagRequest& request) {
    std::optional<Result<uint64_t>> result;
    engine_->change(key, request, "test", [&](Result<uint64_t> epoch) { result = epoch; });
    EXPECT_TRUE(pump([&] { return result.has_value(); }));
    return result.value_or(fail("timed_out", ""));
  }
  static FlagRequest rollout(int on) {
    FlagRequest request;
    request.rollout = flags::Weights{{"on", on}, {"off", 100 - on}};
    return request;
  }

  // The share of `on` that is published, as a router would accept it: everything is verified.
  int published_share() {
    auto acceptance = snapshot::Acceptance::create(rules(), "default");
    auto head = acceptance->judge(engine_->epochs().head(), unix_millis());
    EXPECT_TRUE(head) << head.error().text();
    return share();
  }
  // As the engine has it now.
  int share() {
    const auto weights = flags::rollout_of(engine_->flags().find("checkout")->definition);
    if (!weights) return -1;
    for (const auto& [name, weight] : *weights) {
      if (name == "on") return static_cast<int>(weight);
    }
    return -1;
  }

  std::unique_ptr<event::Loop> loop_;
  std::string folder_;
  snapshot::MemoryBus bus_;
  CommandRules commands_;
  std::shared_ptr<const config::ApiTokens> tokens_;
  bool with_validator_ = false;
  int64_t max_age_ms_ = 600'000;
  config::LockRule require_lock_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace flagmesh::engine
