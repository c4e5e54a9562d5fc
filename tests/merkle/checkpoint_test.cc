#include "merkle/checkpoint.h"

#include <gtest/gtest.h>

namespace flagmesh::merkle {
namespace {

using namespace std::string_literals;

const std::string kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

// The example of C2SP tlog-checkpoint.
TEST(Checkpoint, Example) {
  const std::string text = "example.com/behind-the-sofa\n20852163\n" + kRoot + "\n";
  Checkpoint checkpoint = Checkpoint::parse(text).value();
  EXPECT_EQ(checkpoint.origin, "example.com/behind-the-sofa");
  EXPECT_EQ(checkpoint.size, 20852163u);
  EXPECT_EQ(checkpoint.root.base64(), kRoot);
  EXPECT_TRUE(checkpoint.extensions.empty());
  EXPECT_EQ(checkpoint.text(), text);
}

TEST(Checkpoint, ExtensionsAreKept) {
  const std::string text = "o\n1\n" + kRoot + "\none\ntwo words\n";
  Checkpoint checkpoint = Checkpoint::parse(text).value();
  EXPECT_EQ(checkpoint.extensions, (std::vector<std::string>{"one", "two words"}));
  EXPECT_EQ(checkpoint.text(), text);
}

TEST(Checkpoint, EmptyTreeHasItsRoot) {
  EXPECT_TRUE(Checkpoint::parse("o\n0\n" + empty_root().base64() + "\n"));
  EXPECT_FALSE(Checkpoint::parse("o\n0\n" + kRoot + "\n"));
}

TEST(Checkpoint, MalformedIsRefused) {
  for (const std::string& bad :
       {""s, "\n"s, "o\n1\n"s, "o\n1\n" + kRoot, "\n1\n" + kRoot + "\n", "o\n01\n" + kRoot + "\n",
        "o\n-1\n" + kRoot + "\n", "o\n18446744073709551616\n" + kRoot + "\n",
        "o\n1\n" + kRoot.substr(4) + "\n", "o\n1\n" + kRoot + "=\n", "o\n1\n" + kRoot + "\n\n",
        "o\n1\n" + kRoot + "\nx\n\n", "o\n1\n" + kRoot + "\nx", "o\r\n1\r\n" + kRoot + "\r\n",
        "o\t\n1\n" + kRoot + "\n", "o\xFF\n1\n" + kRoot + "\n", "o\n1\n \n"s})
    EXPECT_FALSE(Checkpoint::parse(bad)) << bad;
}

}  // namespace
}  // namespace flagmesh::merkle
