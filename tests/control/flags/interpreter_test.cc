#include "control/flags/interpreter.h"

#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(Logic, DecidesWithTheTruthOfJsonLogic) {
  const LogicCase table[] = {
      {R"({"if":[true,"yes","no"]})", "{}", R"("yes")"},
      {R"({"if":[false,"yes"]})", "{}", "null"},
      {R"({"if":[0,1,"",2,[],3,null,4,{"var":"x"},5,"0",6]})", "{}", "6"},
      {R"({"if":[]})", "{}", "null"},
      {R"({"if":["only"]})", "{}", R"("only")"},
      {R"({"if":{"var":"x"}})", R"({"x":3})", "3"},
      {R"({"?:":[true,1,2]})", "{}", "1"},
      {R"({"if":[{},1,2]})", "{}", "1"},
      {R"({"and":[true,"a",3]})", "{}", "3"},
      {R"({"and":[true,"",3]})", "{}", R"("")"},
      {R"({"and":[null,true]})", "{}", "null"},
      {R"({"and":[]})", "{}", "null"},
      {R"({"or":[false,0,"a"]})", "{}", R"("a")"},
      {R"({"or":[false,0]})", "{}", "0"},
      {R"({"!":[true]})", "{}", "false"},
      {R"({"!":true})", "{}", "false"},
      {R"({"!":[[]]})", "{}", "true"},
      {R"({"!!":["0"]})", "{}", "true"},
      {R"({"!!":[{"var":"x"}]})", "{}", "false"},
      {R"([1,{"if":[true,2]},[3,{"!":0}]])", "{}", "[1,2,[3,true]]"},
      {R"({"a":1,"b":{"var":"x"}})", "{}", R"({"a":1,"b":{"var":"x"}})"},
      {R"({})", "{}", "{}"},
      {R"("text")", "{}", R"("text")"},
  };
  expect_all(table);
}

TEST(Logic, AnUnknownOperationIsAnErrorOnlyWhenItIsReached) {
  EXPECT_EQ(eval(R"({"not-a-rule":[1,2]})"), "PARSE_ERROR");
  EXPECT_EQ(eval(R"({"$ref":"nobody"})"), "PARSE_ERROR");
  EXPECT_EQ(eval(R"({"if":[true,1,{"nope":1}]})"), "1");
  EXPECT_EQ(eval(R"({"cat":[1,{"nope":1}]})"), "PARSE_ERROR");
}

TEST(Logic, RunawayLogicEnds) {
  const std::string twenty = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
  std::string logic = R"({"var":""})";
  for (int i = 0; i < 8; ++i) logic = R"({"map":[)" + twenty + "," + logic + "]}";
  EXPECT_EQ(eval(logic), "GENERAL");
  std::string text = R"("0123456789abcdef")";
  std::string doubled = R"({"cat":[)" + text + "," + text + "]}";
  for (int i = 0; i < 16; ++i) {
    doubled = R"({"reduce":[)" + twenty +
              R"(,{"cat":[{"var":"accumulator"},{"var":"accumulator"}]},)" + text + "]}";
  }
  EXPECT_EQ(eval(doubled), "GENERAL");
}

TEST(Logic, NestingIsBoundedWhenItIsCompiled) {
  std::string logic = "true";
  for (int i = 0; i < 60; ++i) logic = R"({"!":)" + logic + "}";
  EXPECT_EQ(eval(logic), "true");
  for (int i = 0; i < 50; ++i) logic = R"({"!":)" + logic + "}";
  EXPECT_NE(eval(logic).find("nests deeper"), std::string::npos);
}

}  // namespace
}  // namespace flagmesh::flags
