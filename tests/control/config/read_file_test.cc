#include "control/config/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/control/config/temp_folder.h"

namespace flagmesh::config {
namespace {

TEST(ReadFile, WholeFiles) {
  const TempFolder folder;
  EXPECT_EQ(read_file(folder.write("empty", "")), "");
  const std::string large(300'000, 'x');
  EXPECT_EQ(read_file(folder.write("large", large)), large);
}

TEST(ReadFile, WhatIsNoRegularFile) {
  const TempFolder folder;
  const auto absent = read_file(folder / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "read_failed");
  EXPECT_EQ(absent.error().message, "cannot be read: No such file or directory");
  EXPECT_FALSE(read_file(folder / "."));
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(read_file(folder / "pipe")) << "and it does not wait for a writer";
}

}  // namespace
}  // namespace flagmesh::config
