#include "control/config/check.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"
#include "tests/control/config/temp_folder.h"

namespace flagmesh::config {
namespace {

constexpr const char* kFlags = R"(
flags:
  checkout:
    state: ENABLED
    variants: { "on": true, "off": false }
    defaultVariant: "off"
)";

// What is wrong, one line each, without the folder's name.
std::string checked(const TempFolder& folder, const std::string& file, bool strict = false) {
  std::string all = texts(check_files(file, strict));
  const std::string prefix = folder / "";
  for (size_t at = all.find(prefix); at != std::string::npos; at = all.find(prefix))
    all.erase(at, prefix.size());
  return all;
}

std::string with_flags(const std::string& serve, const std::string& flag = "checkout") {
  return base("    - { path: /f, flag: " + flag + ", serve: " + serve + ", fallback: web }\n", "",
              "", "flags: { files: [\"flags/*.yaml\"] }\n");
}

TEST(CheckFiles, NothingToSay) {
  const TempFolder folder;
  folder.write("flags/a.yaml", kFlags);
  EXPECT_EQ(
      checked(folder, folder.write("f.yaml", with_flags("{ \"on\": api, \"off\": web }")), true),
      "");
}

TEST(CheckFiles, RoutesAgainstFlags) {
  const TempFolder folder;
  folder.write("flags/a.yaml", kFlags);
  EXPECT_EQ(checked(folder, folder.write("f.yaml", with_flags("{ \"on\": api, \"offf\": web }"))),
            "f.yaml:6:19: warning: variant 'off' of flag 'checkout' is not in 'serve'; its users "
            "get the fallback\n"
            "f.yaml:6:55: error: flag 'checkout' has no variant 'offf'; did you mean 'off'?\n");
  EXPECT_EQ(checked(folder, folder.write("f.yaml", with_flags("{ \"on\": api }", "chekout"))),
            "f.yaml:6:19: error: no file defines flag 'chekout'; did you mean 'checkout'?\n");
}

TEST(CheckFiles, StrictTurnsWarningsIntoErrors) {
  const TempFolder folder;
  folder.write("flags/a.yaml", kFlags);
  const std::string file = folder.write("f.yaml", with_flags("{ \"on\": api }"));
  EXPECT_FALSE(has_errors(check_files(file, false)));
  EXPECT_TRUE(has_errors(check_files(file, true)));
}

TEST(CheckFiles, BrokenAndMissingFlagFiles) {
  const TempFolder folder;
  folder.write("flags/a.yaml", "flags:\n  checkout:\n    state: ENABLE\n    variants: { a: 1 }\n");
  const std::string said =
      checked(folder, folder.write("f.yaml", with_flags("{ a: api }", "other")));
  EXPECT_TRUE(said.starts_with("flags/a.yaml:3:12: error: ")) << said;
  EXPECT_FALSE(said.contains("no file defines")) << "the broken file may define it: " << said;
  EXPECT_EQ(checked(folder, folder.write("g.yaml", top("flags: { files: [absent.yaml] }"))),
            "absent.yaml: error: cannot be read: No such file or directory\n");
  EXPECT_EQ(checked(folder, folder.write("g.yaml", top("flags: { files: [\"*.toml\"] }"))),
            "g.yaml:9:18: warning: 'files' in flags: no file matches '*.toml'\n");
}

TEST(CheckFiles, AFlagInTwoFiles) {
  const TempFolder folder;
  folder.write("flags/a.yaml", kFlags);
  folder.write("flags/b.yaml", kFlags);
  const std::string said =
      checked(folder, folder.write("f.yaml", with_flags("{ \"on\": api, \"off\": web }")));
  EXPECT_TRUE(said.starts_with("flags/b.yaml:3:3: error: ")) << said;
}

TEST(CheckFiles, KeyFiles) {
  const TempFolder folder;
  const std::string file =
      folder.write("f.yaml", top("engine: { signing_key: keys/e.key, redis_commands: off }"));
  EXPECT_EQ(checked(folder, file),
            "f.yaml:9:24: error: 'signing_key' in engine: 'keys/e.key' cannot be read: No such "
            "file or directory; "
            "flagmesh keygen makes keys\n");
  folder.write("keys/e.key", "secret");
  EXPECT_EQ(checked(folder, file), "");
}

TEST(CheckFiles, BrokenConfigurationsAreCheckedAsFarAsTheyGo) {
  const TempFolder folder;
  EXPECT_EQ(checked(folder, folder / "absent"),
            "absent: error: cannot be read: No such file or directory\n");
  const std::string said = checked(folder, folder.write("f.yaml", "proxy: {"));
  EXPECT_TRUE(said.starts_with("f.yaml:1:")) << said;
}

// Sound but for the keys that a reader has to make.
TEST(CheckFiles, ExamplesOfTheTree) {
  int examples = 0;
  for (const auto& entry : std::filesystem::directory_iterator(FLAGMESH_SOURCE_DIR "/conf")) {
    if (entry.path().extension() != ".yaml") continue;
    examples++;
    for (const Diagnostic& d : check_files(entry.path().string(), true)) {
      // Keys and certificates are made by who tries them.
      EXPECT_TRUE((d.message.contains("_key' in ") || d.message.contains("'tls' of ")) && d.message.contains("cannot be read"))
          << d.text();
    }
  }
  EXPECT_GT(examples, 0);
}

}  // namespace
}  // namespace flagmesh::config
