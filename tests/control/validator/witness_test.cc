#include "control/validator/witness.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "merkle/checkpoint.h"
#include "merkle/note.h"
#include "merkle/tree.h"
#include "tests/control/snapshot/publishing_engine.h"

namespace flagmesh::validator {
namespace {

using merkle::SignatureType;

class WitnessTest : public testing::Test {
 protected:
  WitnessTest() {
    char name[] = "/tmp/flagmesh-witness-XXXXXX";
    folder_ = mkdtemp(name);
    open();
  }
  ~WitnessTest() override { std::filesystem::remove_all(folder_); }

  void open() {
    auto witness = Witness::open(folder_, {{"log.test", {log_key_.verifier()}}});
    ASSERT_TRUE(witness) << witness.error().text();
    witness_ = std::move(*witness);
  }

  static merkle::Tree tree(uint64_t size, int salt = 0) {
    merkle::Tree tree;
    for (uint64_t i = 0; i < size; ++i) {
      tree.append(merkle::leaf_hash(std::to_string(i) + "/" + std::to_string(salt)));
    }
    return tree;
  }
  std::string note(const merkle::Tree& tree, const merkle::SigningKey& key,
                   const std::string& origin = "log.test") const {
    merkle::Note note{merkle::Checkpoint{origin, tree.size(), tree.root()}.text(), {}};
    put_signature(note, *sign_text(note.text, key, 0));
    return note.str();
  }
  // The code of the refusal; empty: cosigned.
  std::string add(uint64_t old_size, const merkle::Tree& tree) {
    AddCheckpoint request{old_size, tree.consistency(old_size, tree.size()), note(tree, log_key_)};
    return add(request);
  }
  std::string add(const AddCheckpoint& request) {
    const auto again = AddCheckpoint::parse(request.text());
    EXPECT_TRUE(again);
    const auto line = witness_.add(*again, key_, 1'700'000'000);
    if (!line) return line.error().code;
    const auto signature = merkle::parse_signature_line(*line);
    EXPECT_TRUE(signature);
    const auto signed_note = merkle::Note::parse(request.note);
    const auto time = key_.verifier().verify(signed_note->text, signature->bytes);
    EXPECT_TRUE(time);
    EXPECT_EQ(*time, 1'700'000'000);
    return {};
  }

  merkle::SigningKey log_key_ = snapshot::make_key("log.test", SignatureType::kEd25519, 41);
  merkle::SigningKey key_ = snapshot::make_key("witness", SignatureType::kCosignatureV1, 42);
  std::string folder_;
  Witness witness_;
};

TEST_F(WitnessTest, CosignsOneHistory) {
  EXPECT_EQ(add(0, tree(3)), "");
  EXPECT_EQ(add(3, tree(3)), "") << "again, as a heartbeat";
  EXPECT_EQ(add(3, tree(7)), "");
  EXPECT_EQ(witness_.size_of("log.test"), 7u);
  EXPECT_EQ(add(3, tree(8)), "wrong_size");
  EXPECT_EQ(add(0, tree(8)), "wrong_size");
  EXPECT_EQ(add(7, tree(7, 1)), "fork");
  EXPECT_EQ(add(7, tree(9, 1)), "inconsistent_log");
  EXPECT_EQ(add({9, {}, note(tree(8), log_key_)}), "bad_request");
  EXPECT_EQ(add({7, {}, note(tree(8), log_key_)}), "inconsistent_log");
}

TEST_F(WitnessTest, RemembersAcrossRestarts) {
  EXPECT_EQ(add(0, tree(5)), "");
  open();
  EXPECT_EQ(add(0, tree(6)), "wrong_size");
  EXPECT_EQ(add(5, tree(5, 1)), "fork");
  EXPECT_EQ(add(5, tree(6)), "");
}

TEST_F(WitnessTest, KnowsItsLogsAndTheirKeys) {
  const merkle::Tree one = tree(1);
  EXPECT_EQ(add({0, {}, note(one, log_key_, "other.test")}), "unknown_log");
  const auto stranger = snapshot::make_key("log.test", SignatureType::kEd25519, 43);
  EXPECT_EQ(add({0, {}, note(one, stranger)}), "bad_signature");
}

TEST_F(WitnessTest, ParsesStrictly) {
  for (const char* body : {"", "old", "old \n\nx", "old 1", "old 01\n\nx", "old -1\n\nx", "old 1\nx",
                           "old 1\nnot base64\n\nx", "new 1\n\nx"}) {
    EXPECT_FALSE(AddCheckpoint::parse(body)) << body;
  }
  std::string long_proof = "old 1\n";
  for (int i = 0; i < 64; ++i) long_proof += merkle::Hash().base64() + "\n";
  EXPECT_FALSE(AddCheckpoint::parse(long_proof + "\nx"));
}

}  // namespace
}  // namespace flagmesh::validator
