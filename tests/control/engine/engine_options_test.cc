#include "control/engine/engine_options.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "merkle/secret_file.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

TEST(EngineOptions, KeysAreReadAndHaveTheRightRole) {
  char name[] = "/tmp/flagmesh-options-XXXXXX";
  const std::string folder = mkdtemp(name);
  ASSERT_TRUE(merkle::write_secret_file(folder + "/engine.key", engine_key().text() + "\n"));
  ASSERT_TRUE(merkle::write_secret_file(folder + "/validator.key", validator_key().text() + "\n"));
  ASSERT_TRUE(merkle::write_secret_file(folder + "/short.secret", "short\n"));
  config::Config config;
  config.engine.emplace();
  config.engine->signing_key = folder + "/engine.key";
  config.engine->redis_commands = config::RedisCommands::kUnsigned;
  const auto options = engine_options(config);
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->key->verifier(), engine_key().verifier());
  EXPECT_EQ(options->commands.policy, CommandPolicy::kUnsigned);
  EXPECT_FALSE(options->secrets.present());
  config.engine->tenant_secret = folder + "/short.secret";
  EXPECT_EQ(engine_options(config).error().code, "bad_secret");
  config.engine->signing_key = folder + "/validator.key";
  EXPECT_EQ(engine_options(config).error().code, "wrong_key");
  config.engine->signing_key = folder + "/none.key";
  EXPECT_EQ(engine_options(config).error().code, "read_failed");
  config.engine->tenant_secret.clear();
  config.trust.policy = snapshot::TrustPolicy::kUnsigned;
  EXPECT_TRUE(engine_options(config));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace flagmesh::engine
