#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(LogicData, VarFindsByPath) {
  const LogicCase table[] = {
      {R"({"var":"a"})", R"({"a":1})", "1"},
      {R"({"var":["a"]})", R"({"a":1})", "1"},
      {R"({"var":"a.b.c"})", R"({"a":{"b":{"c":"x"}}})", R"("x")"},
      {R"({"var":"a.1"})", R"({"a":[1,2]})", "2"},
      {R"({"var":"a.2"})", R"({"a":[1,2]})", "null"},
      {R"({"var":"a.x"})", R"({"a":[1,2]})", "null"},
      {R"({"var":"a.b"})", R"({"a":"text"})", "null"},
      {R"({"var":["a","none"]})", "{}", R"("none")"},
      {R"({"var":["a",{"cat":["x","y"]}]})", "{}", R"("xy")"},
      {R"({"var":["a","none"]})", R"({"a":null})", "null"},
      {R"({"var":["a.b","none"]})", R"({"a":null})", R"("none")"},
      {R"({"var":1})", R"({"1":"one"})", R"("one")"},
      {R"({"var":{"cat":["a",".b"]}})", R"({"a":{"b":2}})", "2"},
      {R"({"var":[{"var":"name"},"none"]})", R"({"name":"x"})", R"("none")"},
      {R"({"var":""})", R"({"a":1})", R"({"a":1})"},
      {R"({"var":[]})", R"({"a":1})", R"({"a":1})"},
      {R"({"var":null})", R"({"a":1})", R"({"a":1})"},
      {R"({"var":"$flagd.flagKey"})", "{}", R"("flag")"},
      {R"({"var":"$flagd.timestamp"})", "{}", "1700000000"},
      {R"({"var":"$flagd.other"})", R"({"$flagd":{"other":1}})", "null"},
      {R"({"var":{"cat":["$flagd",".flagKey"]}})", "{}", R"("flag")"},
      {R"({"var":{"cat":["$flagd",".other"]}})", R"({"$flagd":{"other":1}})", "null"},
      {R"({"var":"targetingKey"})", R"({"targetingKey":"u"})", R"("u")"},
      {R"({"var":["targetingKey","nobody"]})", "{}", R"("nobody")"},
      {R"({"var":{"cat":["targeting","Key"]}})", R"({"targetingKey":"u"})", R"("u")"},
  };
  expect_all(table);
}

TEST(LogicData, MissingNamesWhatIsNotThere) {
  const LogicCase table[] = {
      {R"({"missing":["a","b"]})", R"({"a":1})", R"(["b"])"},
      {R"({"missing":["a","b"]})", R"({"a":"","b":null})", R"(["b"])"},
      {R"({"missing":"a"})", "{}", R"(["a"])"},
      {R"({"missing":[]})", "{}", "[]"},
      {R"({"missing":{"merge":["a",["b","c.d"]]}})", R"({"c":{"d":0}})", R"(["a","b"])"},
      {R"({"missing_some":[1,["a","b"]]})", R"({"a":1})", "[]"},
      {R"({"missing_some":[2,["a","b"]]})", R"({"a":1})", R"(["b"])"},
      {R"({"missing_some":[1,"a"]})", "{}", "[]"},
      {R"({"if":[{"missing":["a"]},"incomplete","ok"]})", R"({"a":1})", R"("ok")"},
  };
  expect_all(table);
}

TEST(LogicData, MergeJoinsLists) {
  const LogicCase table[] = {
      {R"({"merge":[[1,2],[3,4]]})", "{}", "[1,2,3,4]"},
      {R"({"merge":[1,2,[3,[4]]]})", "{}", "[1,2,3,[4]]"},
      {R"({"merge":[]})", "{}", "[]"},
      {R"({"merge":{"var":"x"}})", R"({"x":[1]})", "[1]"},
  };
  expect_all(table);
}

std::vector<std::string> paths(std::string_view logic) {
  std::vector<std::string> out;
  const auto program = Program::compile(*parse_json(logic), "flag");
  for (const ContextPath& path : (*program)->paths) out.emplace_back(path.text);
  if ((*program)->needs_targeting_key) out.push_back("+key");
  if ((*program)->needs_time) out.push_back("+time");
  if ((*program)->needs_any_path) out.push_back("+any");
  return out;
}

TEST(LogicData, AProgramKnowsWhatItAsksFor) {
  using Strings = std::vector<std::string>;
  EXPECT_EQ(
      paths(
          R"({"if":[{"==":[{"var":"header.a"},{"var":["cookie.b",1]}]},{"var":"header.a"},"x"]})"),
      (Strings{"header.a", "cookie.b"}));
  EXPECT_EQ(paths(R"({"fractional":[["a",1]]})"), Strings{"+key"});
  EXPECT_EQ(paths(R"({">":[{"var":"$flagd.timestamp"},5]})"), Strings{"+time"});
  EXPECT_EQ(paths(R"({"missing":["a","b"]})"), (Strings{"a", "b"}));
  EXPECT_EQ(paths(R"({"map":[{"var":"list"},{"var":"name"}]})"), Strings{"list"});
  EXPECT_EQ(paths(R"({"var":{"cat":["a","b"]}})"), (Strings{"+key", "+time", "+any"}));
  EXPECT_EQ(paths(R"({"var":""})"), Strings{"+any"});
}

}  // namespace
}  // namespace flagmesh::flags
