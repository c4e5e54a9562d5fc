#include "merkle/note.h"

#include <gtest/gtest.h>

#include "merkle/checkpoint.h"

namespace flagmesh::merkle {
namespace {

// The example of the C2SP signed-note page.
constexpr const char* kExampleKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr const char* kExampleNote =
    "This is an example message.\n\n"
    "\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    "\n";

// Go's sumdb/note tests: a text that two keys signed.
constexpr const char* kPeterPrivate =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr const char* kPeterKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr const char* kEnochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
constexpr const char* kGoText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr const char* kPeterLine =
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
constexpr const char* kEnochLine =
    "\u2014 EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/"
    "5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

// The example of the C2SP tlog-cosignature page, which publishes no keys for it.
constexpr const char* kSofaNote =
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIU"
    "BkBIfZ+qnA==\n";

// A checkpoint of a public log with the Ed25519 signature of the log and a witness's cosignature.
constexpr const char* kLogKey =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
constexpr const char* kWitnessKey =
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
constexpr const char* kPublicNote =
    "arche2025h1.staging.ct.transparency.dev\n1432088532\n"
    "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    "\u2014 arche2025h1.staging.ct.transparency.dev "
    "zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJX"
    "Fbon5Ch9MNL5zRNZ55lvGt0=\n"
    "\u2014 arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "\u2014 remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxt"
    "qB0DrAWfBw==\n";

std::vector<VerifierKey> keys(std::initializer_list<const char*> texts) {
  std::vector<VerifierKey> keys;
  for (const char* text : texts) keys.push_back(VerifierKey::parse(text).value());
  return keys;
}

TEST(Note, SignedNoteExample) {
  Note note = Note::parse(kExampleNote).value();
  EXPECT_EQ(note.text, "This is an example message.\n");
  EXPECT_EQ(note.str(), kExampleNote);
  EXPECT_TRUE(verify_note(note, keys({kExampleKey})));
}

TEST(Note, SigningIsByteExact) {
  SigningKey peter = SigningKey::parse(kPeterPrivate).value();
  EXPECT_EQ(sign_text(kGoText, peter, 0).value().line(), kPeterLine);
}

TEST(Note, UnknownKeysAreIgnored) {
  Note note = Note::parse(std::string(kGoText) + "\n" + kPeterLine + kEnochLine).value();
  EXPECT_EQ(verify_note(note, keys({kPeterKey})).value().size(), 1u);
  auto both = verify_note(note, keys({kExampleKey, kEnochKey, kPeterKey})).value();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].key, 1u);
  EXPECT_EQ(both[1].key, 2u);
  EXPECT_EQ(verify_note(note, keys({kExampleKey})).error().code, "no_known_signature");
  EXPECT_EQ(verify_note(note, {}).error().code, "no_known_signature");
}

TEST(Note, OneBadSignatureByAKnownKeyRefusesTheNote) {
  Note note = Note::parse(std::string(kGoText) + "\n" + kPeterLine + kEnochLine).value();
  note.signatures[1].bytes[5] = static_cast<char>(note.signatures[1].bytes[5] ^ 1);
  EXPECT_TRUE(verify_note(note, keys({kPeterKey})));
  EXPECT_EQ(verify_note(note, keys({kPeterKey, kEnochKey})).error().code, "bad_signature");
  note.text += "more\n";
  EXPECT_EQ(verify_note(note, keys({kPeterKey})).error().code, "bad_signature");
}

// A line that shares the name or the id with a known key, but not both, is by an unknown key.
TEST(Note, NameAndIdTogetherNameAKey) {
  Note note = Note::parse(kExampleNote).value();
  NoteSignature stranger = note.signatures[0];
  stranger.bytes[0] = static_cast<char>(stranger.bytes[0] ^ 1);
  stranger.key_id++;
  note.signatures.push_back(stranger);
  stranger.key_id--;
  stranger.name = "example.com/fool";
  note.signatures.push_back(stranger);
  EXPECT_TRUE(verify_note(note, keys({kExampleKey})));
}

TEST(Note, CosignatureExampleIsFramedAsPublished) {
  Note note = Note::parse(kSofaNote).value();
  EXPECT_EQ(note.str(), kSofaNote);
  EXPECT_EQ(Checkpoint::parse(note.text).value().size, 20852163u);
  ASSERT_EQ(note.signatures.size(), 2u);
  EXPECT_EQ(note.signatures[1].key_id, 0x8d66cf3fu);
  ASSERT_EQ(note.signatures[1].bytes.size(), 72u);
  EXPECT_EQ(note.signatures[1].bytes.substr(0, 8), std::string("\0\0\0\0\x64\x18\x50\xCB", 8));
}

TEST(Note, PublicLogWithCosignature) {
  Note note = Note::parse(kPublicNote).value();
  auto verified = verify_note(note, keys({kLogKey, kWitnessKey})).value();
  ASSERT_EQ(verified.size(), 2u);
  EXPECT_EQ(verified[0].timestamp, 0);
  EXPECT_EQ(verified[1].timestamp, 0x6a122120);
  note.text.replace(note.text.find("1432088532"), 10, "1432088533");
  EXPECT_FALSE(verify_note(note, keys({kWitnessKey})));
}

TEST(Note, ARenewedHeartbeatReplacesTheOldOne) {
  SigningKey witness = SigningKey::generate("w", SignatureType::kCosignatureV1).value();
  std::vector<VerifierKey> known = {witness.verifier()};
  Note note{"o\n", {}};
  put_signature(note, sign_text(note.text, witness, 100).value());
  NoteSignature older = note.signatures[0];
  put_signature(note, sign_text(note.text, witness, 200).value());
  ASSERT_EQ(note.signatures.size(), 1u);
  EXPECT_EQ(verify_note(note, known).value()[0].timestamp, 200);
  note.signatures.push_back(older);
  auto verified = verify_note(note, known).value();
  ASSERT_EQ(verified.size(), 1u);
  EXPECT_EQ(verified[0].timestamp, 200);
}

TEST(Note, TheLastEmptyLineSeparates) {
  Note note = Note::parse("a\n\nb\n\n\u2014 k AAAAAAA=\n").value();
  EXPECT_EQ(note.text, "a\n\nb\n");
  EXPECT_EQ(note.str(), "a\n\nb\n\n\u2014 k AAAAAAA=\n");
}

TEST(Note, MalformedIsRefused) {
  const std::string line = "\u2014 k AAAAAAA=\n";
  const std::string kBad[] = {std::string(),
                              std::string("text\n"),
                              std::string("text\n\n"),
                              "text\n" + line,
                              line,
                              "text\n\n" + line.substr(0, line.size() - 1),
                              "te\txt\n\n" + line,
                              "te\rxt\n\n" + line,
                              std::string("te\0xt\n\n", 7) + line,
                              "te\xFFxt\n\n" + line,
                              "text\n\nmore\n" + line,
                              "text\n\n- k AAAAAAA=\n" + line,
                              "text\n\n\u2014 k\n",
                              "text\n\n\u2014  AAAAAAA=\n",
                              "text\n\n\u2014 k  AAAAAAA=\n",
                              "text\n\n\u2014 k AAAAAA==\n",
                              "text\n\n\u2014 k AAAAAAA= \n",
                              "text\n\n\u2014 a+b AAAAAAA=\n",
                              "text\n\n\u2014k AAAAAAA=\n",
                              "text\n\n" + line + "\n"};
  for (const std::string& bad : kBad) EXPECT_EQ(Note::parse(bad).error().code, "bad_note") << bad;
}

TEST(Note, SizesAreCapped) {
  const std::string line = "\u2014 k AAAAAAA=\n";
  std::string many = "text\n\n";
  for (size_t i = 0; i < kNoteSignatures; i++) many += line;
  EXPECT_TRUE(Note::parse(many));
  EXPECT_FALSE(Note::parse(many + line));
  std::string large = std::string(kNoteBytes, 'a') + "\n\n" + line;
  EXPECT_FALSE(Note::parse(large));
  EXPECT_TRUE(Note::parse(large, large.size()));
}

TEST(Note, OnlyNoteTextsAreSigned) {
  SigningKey key = SigningKey::generate("k", SignatureType::kEd25519).value();
  EXPECT_FALSE(sign_text("no newline", key, 0));
  EXPECT_FALSE(sign_text("a\tb\n", key, 0));
  EXPECT_TRUE(sign_text("a\n", key, 0));
}

}  // namespace
}  // namespace flagmesh::merkle
