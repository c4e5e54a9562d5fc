#include "control/config/config.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"
#include "tests/control/config/temp_folder.h"

namespace flagmesh::config {
namespace {

TEST(Config, LoadNamesTheFileThatItCannotRead) {
  const ParsedConfig parsed = load_config("/nowhere/f.yaml");
  ASSERT_EQ(parsed.diagnostics.size(), 1u);
  EXPECT_EQ(parsed.diagnostics[0].text(),
            "/nowhere/f.yaml: error: cannot be read: No such file or directory");
}

TEST(Config, LoadResolvesAgainstTheFilesFolder) {
  const TempFolder folder;
  const std::string file = folder.write("conf/f.yaml", top("log: { access_log: logs/a.log }"));
  const ParsedConfig parsed = load_config(file);
  EXPECT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  EXPECT_EQ(parsed.config.log.access_log, folder / "conf/logs/a.log");
  EXPECT_EQ(parsed.config.file, file);
}

TEST(Config, FlagFilesAreSortedAndUnique) {
  const TempFolder folder;
  const std::string b = folder.write("b.yaml", ""), a = folder.write("a.yaml", ""),
                    c = folder.write("c.json", "");
  EXPECT_EQ(flag_files({.files = {folder / "*.yaml", c, b}}), (std::vector<std::string>{a, b, c}));
  EXPECT_TRUE(flag_files({.files = {folder / "*.toml"}}).empty());
  EXPECT_EQ(flag_files({.files = {folder / "absent.yaml"}}).size(), 1u) << "named, so it is wanted";
}

TEST(Config, MakeRouting) {
  const auto parsed = parse(base("", "", "", ""));
  const auto routing = make_routing(*parsed.config.proxy);
  ASSERT_TRUE(routing);
  EXPECT_EQ(routing->routes->match({"h", "/api/x", "GET"})->container, 1);
  EXPECT_EQ((*routing->containers)[1].name, "api");
  ProxyConfig broken = *parsed.config.proxy;
  broken.routes[0].path_match = snapshot::PathMatch::kRegex;
  broken.routes[0].path = "(";
  EXPECT_FALSE(make_routing(broken));
}

TEST(Config, ProcessEnvironment) {
  EXPECT_EQ(process_environment()("FLAGMESH_SURELY_NOT_SET"), "");
  EXPECT_FALSE(process_environment()("PATH").empty());
}

}  // namespace
}  // namespace flagmesh::config
