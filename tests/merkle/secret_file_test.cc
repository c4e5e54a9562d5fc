#include "merkle/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/merkle/temp_folder.h"

namespace flagmesh::merkle {
namespace {

TEST(SecretFile, IsWrittenForTheOwnerAlone) {
  TempFolder folder;
  std::string path = folder.file("engine.key");
  mode_t mask = umask(0);
  EXPECT_TRUE(write_secret_file(path, "secret\n"));
  umask(mask);
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(read_secret_file(path).value(), "secret\n");
}

TEST(SecretFile, IsNeverReplaced) {
  TempFolder folder;
  std::string path = folder.file("engine.key");
  ASSERT_TRUE(write_secret_file(path, "first"));
  Status second = write_secret_file(path, "second");
  EXPECT_EQ(second.error().code, "file_exists");
  EXPECT_EQ(second.error().place, path);
  EXPECT_EQ(read_secret_file(path).value(), "first");
}

TEST(SecretFile, ErrorsNameTheFile) {
  TempFolder folder;
  EXPECT_EQ(read_secret_file(folder.file("absent")).error().code, "read_failed");
  EXPECT_EQ(read_secret_file(folder.file("")).error().code, "read_failed");
  EXPECT_EQ(write_secret_file(folder.file("no/such"), "x").error().code, "write_failed");
  write_bytes(folder.file("big"), std::string(kSecretFileBytes + 1, 'x'));
  EXPECT_EQ(read_secret_file(folder.file("big")).error().code, "too_large");
}

}  // namespace
}  // namespace flagmesh::merkle
