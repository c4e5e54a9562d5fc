#include "control/engine/head_signer.h"

#include "control/snapshot/head_verifier.h"
#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

const std::string kText = merkle::Checkpoint{"engine.test", 1, merkle::sha256("root")}.text();

snapshot::HeadVerifier verifier() {
  snapshot::TrustRules rules;
  rules.origin = "engine.test";
  rules.engine_keys = {engine_key().verifier()};
  rules.validator_keys = {validator_key().verifier()};
  rules.require_validator = 1;
  return *snapshot::HeadVerifier::create(rules);
}

std::string cosignature(const merkle::SigningKey& key, int64_t time,
                        const std::string& text = kText) {
  return merkle::sign_text(text, key, time)->line();
}

TEST(HeadSigner, SignsAndRenewsTheSameCheckpoint) {
  const HeadSigner signer(engine_key());
  const std::string head = *signer.sign(kText, 100);
  EXPECT_EQ(verifier().verify(head)->engines, 1u);
  EXPECT_EQ(verifier().verify(head)->newest_ms, 100'000);
  const std::string renewed = *signer.renew(head, 200);
  EXPECT_EQ(verifier().verify(renewed)->newest_ms, 200'000);
  EXPECT_EQ(verifier().verify(renewed)->engines, 1u);
  EXPECT_EQ(merkle::Note::parse(renewed)->signatures.size(), 2u);
}

TEST(HeadSigner, WithoutAKeyTheHeadIsTheBareCheckpoint) {
  const HeadSigner signer(std::nullopt);
  EXPECT_EQ(*signer.sign(kText, 100), kText);
  EXPECT_EQ(*signer.renew(kText, 200), kText);
}

TEST(AddCosignatures, TakesRightAndNewerOnesOnly) {
  const std::vector<merkle::VerifierKey> keys = {validator_key().verifier()};
  const std::string head = *HeadSigner(engine_key()).sign(kText, 100);
  const std::vector<std::string> junk = {
      "",
      "nonsense\n",
      cosignature(test_key("stranger", merkle::SignatureType::kCosignatureV1, 9), 150),
      cosignature(validator_key(), 150, "engine.test\n2\nAAAA\n"),
  };
  const std::string unchanged = *add_cosignatures(head, junk, keys);
  EXPECT_EQ(unchanged, head);
  const std::vector<std::string> first = {junk[3], cosignature(validator_key(), 150)};
  const std::string cosigned = *add_cosignatures(head, first, keys);
  ASSERT_TRUE(verifier().verify_enough(cosigned));
  EXPECT_EQ(verifier().verify(cosigned)->newest_ms, 150'000);
  const std::vector<std::string> older = {cosignature(validator_key(), 140)};
  EXPECT_EQ(*add_cosignatures(cosigned, older, keys), cosigned);
  const std::vector<std::string> newer = {cosignature(validator_key(), 160)};
  EXPECT_EQ(verifier().verify(*add_cosignatures(cosigned, newer, keys))->newest_ms, 160'000);
}

}  // namespace
}  // namespace flagmesh::engine
