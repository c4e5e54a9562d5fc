#include "control/engine/flag_files.h"

#include "tests/control/engine/engine_fixture.h"

namespace flagmesh::engine {
namespace {

TEST_F(EngineTest, FlagFilesAreReadTogether) {
  write("a.yaml", "flags:\n  a: { enabled: true, variants: { x: 1 }, defaultVariant: x }\n");
  write("b.json", R"({"flags":{"b":{"state":"ENABLED","variants":{"x":1},"defaultVariant":"x"}}})");
  const FlagFiles both = read_flag_files({folder_ + "/a.yaml", folder_ + "/b.json"}, "default");
  ASSERT_FALSE(has_errors(both.diagnostics)) << both.diagnostics.front().text();
  EXPECT_EQ(both.set.flags.size(), 2u);
  EXPECT_EQ(both.files[1].keys, std::vector<std::string>{"b"});
  EXPECT_EQ(both.set.flags[0].tenant, "default");
}

TEST_F(EngineTest, EveryMistakeOfFlagFilesIsNamed) {
  write("a.yaml", "flags:\n  a: { enabled: true, variants: { x: 1 }, defaultVariant: x }\n");
  write("b.yaml", "flags:\n  a: { enabled: true, variants: { x: 1 }, defaultVariant: y }\n");
  const FlagFiles files = read_flag_files(
      {folder_ + "/a.yaml", folder_ + "/b.yaml", folder_ + "/none.yaml"}, "default");
  std::string said;
  for (const Diagnostic& diagnostic : files.diagnostics) said += diagnostic.text() + "\n";
  EXPECT_NE(said.find("b.yaml:2:"), std::string::npos) << said;
  EXPECT_NE(said.find("none.yaml"), std::string::npos) << said;
  EXPECT_TRUE(has_errors(files.diagnostics));
}

}  // namespace
}  // namespace flagmesh::engine
