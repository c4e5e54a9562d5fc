#include "merkle/signature_key.h"

#include <gtest/gtest.h>

#include "merkle/encoding.h"

namespace flagmesh::merkle {
namespace {

// Keys of the C2SP signed-note page, of Go's sumdb/note tests and of transparency-dev/formats.
constexpr const char* kExampleKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr const char* kPeterKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr const char* kPeterPrivate =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr const char* kPlusKey = "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6";
constexpr const char* kCosignerKey =
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

TEST(VerifierKey, PublishedKeys) {
  VerifierKey example = VerifierKey::parse(kExampleKey).value();
  EXPECT_EQ(example.name(), "example.com/foo");
  EXPECT_EQ(example.id(), 0x530d903au);
  EXPECT_EQ(example.type(), SignatureType::kEd25519);
  EXPECT_EQ(VerifierKey::parse(kCosignerKey).value().type(), SignatureType::kCosignatureV1);
  for (const char* key : {kExampleKey, kPeterKey, kPlusKey, kCosignerKey})
    EXPECT_EQ(VerifierKey::parse(key).value().text(), key);
}

TEST(VerifierKey, MalformedIsRefused) {
  const std::string good = kExampleKey;
  for (const std::string& bad :
       {std::string(), std::string("name"), std::string("name+530d903a"), good.substr(1),
        " " + good, good + "\n", good + "=", "x y" + good, std::string("+530d903a+AekyeRrm56hA"),
        std::string("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
        std::string("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
        // Type 2 (ECDSA) is none of ours; a key too short by one.
        std::string("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"),
        std::string("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==")})
    EXPECT_EQ(VerifierKey::parse(bad).error().code, "bad_key") << bad;
  EXPECT_FALSE(VerifierKey::parse(kPeterPrivate).error().mend.empty());
}

TEST(VerifierKey, Names) {
  EXPECT_TRUE(is_key_name("example.com/\u00E9"));
  EXPECT_TRUE(is_key_name(std::string(255, 'a')));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a+b"), std::string("a\u2003b"),
        std::string("a\u00A0"), std::string("a\n"), std::string("\xFF"), std::string(256, 'a')})
    EXPECT_FALSE(is_key_name(bad)) << bad;
}

TEST(VerifierKey, OnePublicKeyHasOneRole) {
  VerifierKey a = VerifierKey::parse(kExampleKey).value();
  VerifierKey b = VerifierKey::parse(kPeterKey).value();
  EXPECT_TRUE(check_distinct(std::vector{a, b}));
  EXPECT_EQ(check_distinct(std::vector{a, b, a}).error().code, "duplicate_key");
  VerifierKey renamed("other", SignatureType::kApproval, a.public_key());
  EXPECT_FALSE(check_distinct(std::vector{a, b, renamed}));
  EXPECT_NE(a.with_type(SignatureType::kCosignatureV1).id(), a.id());
}

TEST(SigningKey, GoPrivateKeyGivesItsPublicKey) {
  SigningKey key = SigningKey::parse(std::string(kPeterPrivate) + "\n").value();
  EXPECT_EQ(key.verifier().text(), kPeterKey);
  EXPECT_EQ(key.text(), kPeterPrivate);
  EXPECT_FALSE(SigningKey::parse(kPeterKey));
  EXPECT_FALSE(SigningKey::parse("PRIVATE+KEY+Peter+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx0"));
}

TEST(SigningKey, EveryTypeSurvivesItsText) {
  for (SignatureType type :
       {SignatureType::kEd25519, SignatureType::kCosignatureV1, SignatureType::kApproval}) {
    SigningKey key = SigningKey::generate("a.example/key", type).value();
    SigningKey again = SigningKey::parse(key.text()).value();
    EXPECT_EQ(again.verifier(), key.verifier());
    EXPECT_EQ(VerifierKey::parse(key.verifier().text()).value(), key.verifier());
    std::string signature = again.sign("text\n", 1700000000).value();
    EXPECT_EQ(key.verifier().verify("text\n", signature).value(),
              type == SignatureType::kCosignatureV1 ? 1700000000 : 0);
    EXPECT_FALSE(key.verifier().verify("Text\n", signature));
    EXPECT_FALSE(key.verifier().verify("text\n", signature + "x"));
    signature.back() = static_cast<char>(signature.back() ^ 1);
    EXPECT_EQ(key.verifier().verify("text\n", signature).error().code, "bad_signature");
  }
  EXPECT_FALSE(SigningKey::generate("a b", SignatureType::kEd25519));
}

// The same seed in two roles: no signature of one passes for the other.
TEST(SigningKey, TypesAreSeparated) {
  SigningKey engine = SigningKey::generate("k", SignatureType::kEd25519).value();
  SigningKey approver = engine.with_type(SignatureType::kApproval);
  std::string signature = engine.sign("flagmesh/approval/v1\ntext\n", 0).value();
  EXPECT_TRUE(engine.verifier().verify("flagmesh/approval/v1\ntext\n", signature));
  EXPECT_FALSE(approver.verifier().verify("flagmesh/approval/v1\ntext\n", signature));
  EXPECT_FALSE(engine.verifier().verify("text\n", approver.sign("text\n", 0).value()));
}

TEST(SigningKey, TheTimeOfACosignatureIsSigned) {
  SigningKey key = SigningKey::generate("w", SignatureType::kCosignatureV1).value();
  std::string signature = key.sign("text\n", 1700000000).value();
  EXPECT_EQ(read_u64(signature), 1700000000u);
  signature[7] = static_cast<char>(signature[7] ^ 1);
  EXPECT_FALSE(key.verifier().verify("text\n", signature));
  EXPECT_EQ(key.sign("text\n", -1).error().code, "sign_failed");
}

}  // namespace
}  // namespace flagmesh::merkle
