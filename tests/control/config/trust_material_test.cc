#include "control/config/trust_material.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "merkle/secret_file.h"

namespace flagmesh::config {
namespace {

class TrustMaterialTest : public testing::Test {
 protected:
  TrustMaterialTest() {
    char name[] = "/tmp/flagmesh-trust-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~TrustMaterialTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    EXPECT_TRUE(merkle::write_secret_file(folder_ + "/" + name, text));
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST_F(TrustMaterialTest, RulesAreThoseOfTheConfiguration) {
  TrustConfig trust;
  trust.origin = "o";
  trust.require_validator = 2;
  trust.max_age = 5'000;
  trust.min_checkpoint = 7;
  const snapshot::TrustRules rules = trust_rules(trust);
  EXPECT_EQ(rules.origin, "o");
  EXPECT_EQ(rules.require_validator, 2u);
  EXPECT_EQ(rules.max_age_ms, 5'000);
  EXPECT_EQ(rules.min_checkpoint, 7u);
}

TEST_F(TrustMaterialTest, AKeyHasOneRole) {
  const auto key = merkle::SigningKey::generate("k", merkle::SignatureType::kApproval);
  const std::string file = write("key", key->text() + "\n");
  EXPECT_TRUE(read_signing_key(file, merkle::SignatureType::kApproval));
  const auto wrong = read_signing_key(file, merkle::SignatureType::kEd25519);
  EXPECT_EQ(wrong.error().code, "wrong_key");
  EXPECT_EQ(wrong.error().place, file);
  EXPECT_EQ(
      read_signing_key(write("junk", "junk\n"), merkle::SignatureType::kApproval).error().code,
      "bad_key");
}

TEST_F(TrustMaterialTest, SecretsOfTenantsComeFromAMasterOrAreGivenSingly) {
  EXPECT_FALSE(SecretSource::read("")->present());
  EXPECT_FALSE(SecretSource::read("")->of("a").present());
  const std::string master(64, 'm');
  const auto all = SecretSource::read(write("master", master + "\n"));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->of("a").id(), merkle::TenantSecret::derive(master, "a").id());
  EXPECT_NE(all->of("a").id(), all->of("b").id());
  const auto one = SecretSource::read(write("one", all->of("a").text() + "\n"));
  ASSERT_TRUE(one) << one.error().text();
  EXPECT_EQ(one->of("a").id(), all->of("a").id());
  EXPECT_EQ(SecretSource::read(write("short", "short\n")).error().code, "bad_secret");
}

}  // namespace
}  // namespace flagmesh::config
