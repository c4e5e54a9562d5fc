#include "merkle/hash.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/merkle/vectors.h"

namespace flagmesh::merkle {
namespace {

TEST(Hash, TextForms) {
  Hash hash = sha256("abc");
  EXPECT_EQ(hash.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hash::from_hex(hash.hex()).value(), hash);
  EXPECT_EQ(Hash::from_base64(hash.base64()).value(), hash);
  EXPECT_FALSE(Hash::from_hex(hash.hex().substr(2)));
  EXPECT_FALSE(Hash::from_base64(hash.base64() + "AAAA"));
  EXPECT_FALSE(Hash::from_bytes("short"));
  EXPECT_TRUE(Hash{}.is_zero());
  EXPECT_FALSE(hash.is_zero());
}

TEST(Hash, PrefixesSeparateLeavesFromNodes) {
  Hash a = sha256("a"), b = sha256("b");
  std::string both = std::string(a.view()) + std::string(b.view());
  EXPECT_EQ(leaf_hash("data"), sha256(std::string("\0data", 5)));
  EXPECT_EQ(leaf_hash("da", "ta"), leaf_hash("data"));
  EXPECT_EQ(node_hash(a, b), sha256("\x01" + both));
  EXPECT_NE(node_hash(a, b), leaf_hash(both));
  EXPECT_EQ(empty_root(), sha256(""));
}

// Short leaves take a path of their own; its edges are where blocks and the path itself end.
TEST(Hash, LeavesOfEveryLength) {
  std::string data;
  for (size_t size = 0; size < 1200; size++, data += static_cast<char>(size)) {
    Hash expected = sha256(std::string(1, '\0') + data);
    ASSERT_EQ(leaf_hash(data), expected) << size;
    ASSERT_EQ(leaf_hash(data.substr(0, size / 3), data.substr(size / 3)), expected) << size;
  }
}

// RFC 4231 cases 2 and 6; RFC 5869 case 1.
TEST(Hash, HmacAndHkdfVectors) {
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?").hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xAA'),
                        "Test Using Larger Than Block-Size Key - Hash Key First")
                .hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hkdf_sha256(std::string(22, '\x0B'), hex_decode("000102030405060708090a0b0c").value(),
                        hex_decode("f0f1f2f3f4f5f6f7f8f9").value())
                .hex(),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Hash, ManyThreadsAgree) {
  const std::vector<Hash> expected = some_leaves(1000);
  std::vector<std::vector<Hash>> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) threads.emplace_back([&mine] { mine = some_leaves(1000); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : seen) EXPECT_EQ(mine, expected);
}

TEST(Hash, RandomBytesDiffer) {
  EXPECT_EQ(random_bytes(32).value().size(), 32u);
  EXPECT_NE(random_bytes(32).value(), random_bytes(32).value());
}

}  // namespace
}  // namespace flagmesh::merkle
