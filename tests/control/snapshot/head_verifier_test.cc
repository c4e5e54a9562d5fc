#include "control/snapshot/head_verifier.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::snapshot {
namespace {

using merkle::SignatureType;

std::string create_code(const TrustRules& rules) {
  Result<HeadVerifier> made = HeadVerifier::create(rules);
  return made ? "" : made.error().code;
}

TEST(HeadVerifier, OneKeyOneRole) {
  PublishingEngine engine;
  EXPECT_EQ(create_code(engine.rules()), "");
  EXPECT_EQ(create_code(engine.rules_with_validator()), "");

  TrustRules twice = engine.rules();
  twice.engine_keys.push_back(twice.engine_keys[0]);
  EXPECT_EQ(create_code(twice), "bad_trust");

  TrustRules two_roles = engine.rules();
  two_roles.validator_keys.push_back(
      make_key("another-name", SignatureType::kCosignatureV1, 1).verifier());
  EXPECT_EQ(create_code(two_roles), "bad_trust");

  TrustRules wrong_type = engine.rules();
  wrong_type.validator_keys.push_back(make_key("v", SignatureType::kEd25519, 7).verifier());
  EXPECT_EQ(create_code(wrong_type), "bad_trust");
  wrong_type = engine.rules();
  wrong_type.engine_keys.push_back(make_key("e", SignatureType::kApproval, 7).verifier());
  EXPECT_EQ(create_code(wrong_type), "bad_trust");

  TrustRules too_many = engine.rules();
  too_many.require_engine = 2;
  EXPECT_EQ(create_code(too_many), "bad_trust");
  too_many = engine.rules();
  too_many.require_validator = 1;
  EXPECT_EQ(create_code(too_many), "bad_trust");
  // A heartbeat key signs no checkpoints.
  TrustRules heart_only = engine.rules();
  heart_only.engine_keys = {make_key("e", SignatureType::kCosignatureV1, 7).verifier()};
  EXPECT_EQ(create_code(heart_only), "bad_trust");

  TrustRules nothing = engine.rules();
  nothing.require_engine = 0;
  EXPECT_EQ(create_code(nothing), "bad_trust");
  TrustRules no_origin = engine.rules();
  no_origin.origin.clear();
  EXPECT_EQ(create_code(no_origin), "bad_trust");
}

TEST(HeadVerifier, CountsByRoleAndTakesTheNewestTime) {
  PublishingEngine engine;
  engine.set("checkout", 1);
  Result<HeadVerifier> verifier = HeadVerifier::create(engine.rules_with_validator());
  Result<VerifiedHead> head = verifier->verify(engine.sign(engine.checkpoint(), kNow, true));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->engines, 1U);
  EXPECT_EQ(head->validators, 1U);
  EXPECT_EQ(head->newest_ms, kNow);
  EXPECT_EQ(head->checkpoint.size, 1U);
  EXPECT_TRUE(verifier->verify(engine.sign(engine.checkpoint(), kNow)));
  EXPECT_FALSE(verifier->verify_enough(engine.sign(engine.checkpoint(), kNow)));
}

TEST(HeadVerifier, KOfNEngines) {
  PublishingEngine engine;
  engine.set("checkout", 1);
  TrustRules rules = engine.rules();
  const merkle::SigningKey second = make_key("second", SignatureType::kEd25519, 5);
  rules.engine_keys.push_back(second.verifier());
  rules.require_engine = 2;
  Result<HeadVerifier> verifier = HeadVerifier::create(rules);
  merkle::Note note = *merkle::Note::parse(engine.sign(engine.checkpoint(), kNow));
  EXPECT_FALSE(verifier->verify_enough(note.str()));
  put_signature(note, *sign_text(note.text, second, 0));
  EXPECT_TRUE(verifier->verify_enough(note.str()));
}

}  // namespace
}  // namespace flagmesh::snapshot
