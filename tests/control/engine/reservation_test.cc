#include "control/engine/reservation.h"

#include <gtest/gtest.h>

#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::engine {
namespace {

using merkle::SignatureType;
using snapshot::make_key;

std::string value_of(const snapshot::Reservation& claim) {
  return std::to_string(claim.size) + " " + claim.root.base64() + "\n" + claim.note;
}

TEST(Reservation, OnlyTheEnginesOwnIsGenuine) {
  snapshot::PublishingEngine publishing;
  (void)publishing.set("a", 1);
  (void)publishing.set("a", 2);
  merkle::SigningKey key = make_key("mesh.test/flags", SignatureType::kEd25519, 5);
  snapshot::TrustRules rules;
  rules.origin = "mesh.test/flags";
  rules.engine_keys = {key.verifier()};
  const HeadSigner signer(std::move(key));
  const auto claim = make_reservation(publishing.log, rules.origin, signer);
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->size, 2U);
  EXPECT_EQ(claim->root, publishing.log.root());
  EXPECT_EQ(claim->previous_root, publishing.log.root_at(1));
  const std::string value = value_of(*claim);
  EXPECT_TRUE(is_genuine_reservation(value, rules));

  EXPECT_FALSE(is_genuine_reservation("9" + value, rules));  // a later epoch than was signed
  EXPECT_FALSE(is_genuine_reservation("", rules));
  EXPECT_FALSE(is_genuine_reservation("2 x", rules));
  EXPECT_FALSE(is_genuine_reservation(value.substr(0, value.find('\n') + 1), rules));
  snapshot::TrustRules elsewhere = rules;
  elsewhere.origin = "other.test/flags";
  EXPECT_FALSE(is_genuine_reservation(value, elsewhere));
  const HeadSigner stranger(make_key("mesh.test/flags", SignatureType::kEd25519, 6));
  EXPECT_FALSE(is_genuine_reservation(
      value_of(*make_reservation(publishing.log, rules.origin, stranger)), rules));
  // A head of the same key is no claim.
  const auto head = signer.sign(publishing.log.checkpoint(rules.origin).text(), 1);
  EXPECT_FALSE(is_genuine_reservation("2 " + publishing.log.root().base64() + "\n" + *head, rules));
  // Without a key there is none that would be believed.
  EXPECT_FALSE(is_genuine_reservation(
      value_of(*make_reservation(publishing.log, rules.origin, HeadSigner(std::nullopt))), rules));
}

}  // namespace
}  // namespace flagmesh::engine
