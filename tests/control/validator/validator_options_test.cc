#include "control/validator/validator_options.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "merkle/secret_file.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::validator {
namespace {

TEST(ValidatorOptions, TheKeyIsACosigner) {
  char name[] = "/tmp/flagmesh-options-XXXXXX";
  const std::string folder = mkdtemp(name);
  ASSERT_TRUE(merkle::write_secret_file(folder + "/right", engine::validator_key().text()));
  ASSERT_TRUE(merkle::write_secret_file(folder + "/wrong", engine::engine_key().text()));
  config::Config config;
  config.trust.origin = "engine.test";
  config.validator.emplace();
  config.validator->signing_key = folder + "/right";
  const auto options = validator_options(config);
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->trust.origin, "engine.test");
  config.validator->signing_key = folder + "/wrong";
  EXPECT_EQ(validator_options(config).error().code, "wrong_key");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace flagmesh::validator
