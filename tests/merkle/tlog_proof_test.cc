#include "merkle/tlog_proof.h"

#include <gtest/gtest.h>

#include "merkle/epoch_log.h"
#include "merkle/tree.h"
#include "tests/merkle/vectors.h"

namespace flagmesh::merkle {
namespace {

TlogProof sample(uint64_t index, uint64_t size) {
  Tree tree(some_leaves(size));
  const SigningKey key =
      *SigningKey::from_seed("log.example", SignatureType::kEd25519, leaf_hash("seed"));
  TlogProof proof{.index = index, .path = tree.inclusion(index)};
  proof.checkpoint.text = Checkpoint{"log.example", size, tree.root()}.text();
  put_signature(proof.checkpoint, *sign_text(proof.checkpoint.text, key, 0));
  return proof;
}

TEST(TlogProof, RoundTripAndCheck) {
  for (const auto& [index, size] :
       {std::pair<uint64_t, uint64_t>{0, 1}, {4, 7}, {6, 7}, {100, 1'000}}) {
    TlogProof proof = sample(index, size);
    if (index == 4) proof.extra = std::string("\0any bytes", 10);
    const auto read = TlogProof::parse(proof.text());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->text(), proof.text());
    EXPECT_EQ(read->extra, proof.extra);
    const auto checkpoint = read->check(some_leaves(size)[index]);
    ASSERT_TRUE(checkpoint) << checkpoint.error().text();
    EXPECT_EQ(checkpoint->size, size);
    EXPECT_EQ(read->check(leaf_hash("another")).error().code, "root_mismatch");
  }
}

// The layout of the example of the C2SP page; its hashes and signatures are cut there, so ours
// stand in their places.
TEST(TlogProof, TextIsAsTheSpecificationShows) {
  const TlogProof proof = sample(1, 2);
  const std::string text = proof.text();
  EXPECT_TRUE(text.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n" + some_leaves(2)[0].base64() +
                               "\n\nlog.example\n2\n"));
  TlogProof more = proof;
  more.extra = "x";
  EXPECT_TRUE(more.text().starts_with("c2sp.org/tlog-proof@v1\nextra eA==\nindex 1\n"));
}

TEST(TlogProof, RefusesWhatIsNotInTheGrammar) {
  const std::string good = sample(4, 7).text();
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
    const auto read = TlogProof::parse(text);
    return !read && read.error().code == "bad_tlog_proof";
  };
  EXPECT_TRUE(refused("@v1\n", "@v2\n"));
  EXPECT_TRUE(refused("@v1\n", "@v1\r\n"));
  EXPECT_TRUE(refused("index 4", "index 04"));
  EXPECT_TRUE(refused("index 4", "index -4"));
  EXPECT_TRUE(refused("index 4", "index  4"));
  EXPECT_TRUE(refused("index 4\n", ""));
  EXPECT_TRUE(refused("index 4", "extra !!\nindex 4"));
  EXPECT_TRUE(refused("index 4", "index 4\nextra eA=="));
  EXPECT_TRUE(refused("=\n", "\n"));
  EXPECT_TRUE(refused("\n\nlog.example", "\nlog.example"));
  std::string many(kTlogProofLine);
  many += "index 0\n";
  for (int i = 0; i < 65; ++i) many += leaf_hash("x").base64() + "\n";
  EXPECT_FALSE(TlogProof::parse(many + good.substr(good.find("\n\n") + 1)));
  for (size_t size = 0; size + 1 < good.size(); size += 5) {
    const auto cut = TlogProof::parse(good.substr(0, size));
    EXPECT_TRUE(!cut || cut->text() == good.substr(0, size));
  }
}

}  // namespace
}  // namespace flagmesh::merkle
