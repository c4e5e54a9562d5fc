#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(LogicText, CatJoinsTheTextsOfAnything) {
  const LogicCase table[] = {
      {R"({"cat":["I love"," pie"]})", "{}", R"("I love pie")"},
      {R"({"cat":"x"})", "{}", R"("x")"},
      {R"({"cat":["a",1,true,null,[1,[2,null]],1e21]})", "{}", R"("a1true1,2,1e+21")"},
      {R"({"cat":[]})", "{}", R"("")"},
      {R"({"cat":[{"var":"x"},"!"]})", R"({"x":" y "})", R"(" y !")"},
      {R"({"cat":[{"var":""}]})", "{}", R"("[object Object]")"},
  };
  expect_all(table);
}

TEST(LogicText, SubstrCountsCodePoints) {
  const LogicCase table[] = {
      {R"({"substr":["jsonlogic",4]})", "{}", R"("logic")"},
      {R"({"substr":["jsonlogic",-5]})", "{}", R"("logic")"},
      {R"({"substr":["jsonlogic",1,3]})", "{}", R"("son")"},
      {R"({"substr":["jsonlogic",4,-2]})", "{}", R"("log")"},
      {R"({"substr":["jsonlogic",-5,-2]})", "{}", R"("log")"},
      {R"({"substr":["jsonlogic",99]})", "{}", R"("")"},
      {R"({"substr":["jsonlogic",-99]})", "{}", R"("jsonlogic")"},
      {R"({"substr":["jsonlogic",2,-99]})", "{}", R"("")"},
      {R"({"substr":["é😀x",1,1]})", "{}", R"("😀")"},
      {R"({"substr":[12345,1,2]})", "{}", R"("23")"},
      {R"({"substr":["abc",0,99]})", "{}", R"("abc")"},
      {R"({"substr":["abc",1,null]})", "{}", R"("")"},
      {R"({"substr":["abc"]})", "{}", R"("abc")"},
  };
  expect_all(table);
}

TEST(LogicText, InLooksIntoTextsAndLists) {
  const LogicCase table[] = {
      {R"({"in":["Spring","Springfield"]})", "{}", "true"},
      {R"({"in":["Ringo",["John","Ringo"]]})", "{}", "true"},
      {R"({"in":["ringo",["John","Ringo"]]})", "{}", "false"},
      {R"({"in":[1,["1"]]})", "{}", "false"},
      {R"({"in":[1,[2,1]]})", "{}", "true"},
      {R"({"in":[2,"123"]})", "{}", "true"},
      {R"({"in":["@faas.com",{"var":"email"}]})", R"({"email":"a@faas.com"})", "true"},
      {R"({"in":["@faas.com",{"var":"email"}]})", "{}", "false"},
      {R"({"in":["a"]})", "{}", "false"},
      {R"({"in":["a",5]})", "{}", "false"},
      {R"({"in":["",""]})", "{}", "false"},
      {R"({"in":[{"var":"x"},["a",null]]})", "{}", "true"},
  };
  expect_all(table);
}

TEST(LogicText, StartsAndEndsWithAreNullForAnythingButTwoTexts) {
  const LogicCase table[] = {
      {R"({"starts_with":["abcdef","abc"]})", "{}", "true"},
      {R"({"starts_with":["abcdef","def"]})", "{}", "false"},
      {R"({"ends_with":["abcdef","def"]})", "{}", "true"},
      {R"({"ends_with":["abcdef","abc"]})", "{}", "false"},
      {R"({"starts_with":[1,"1"]})", "{}", "null"},
      {R"({"ends_with":["abc",null]})", "{}", "null"},
      {R"({"starts_with":["abc"]})", "{}", "null"},
      {R"({"ends_with":["a","a","a"]})", "{}", "null"},
      {R"({"starts_with":"abc"})", "{}", "null"},
      {R"({"starts_with":["abc",""]})", "{}", "true"},
  };
  expect_all(table);
}

TEST(LogicText, SemVerIsNullForAnythingButVersions) {
  const LogicCase table[] = {
      {R"({"sem_ver":["2.0.0","=","2.0.0"]})", "{}", "true"},
      {R"({"sem_ver":[1.2,">","1.1"]})", "{}", "true"},
      {R"({"sem_ver":[1,"^","1.4"]})", "{}", "true"},
      {R"({"sem_ver":["1.0.0","===","1.0.0"]})", "{}", "null"},
      {R"({"sem_ver":["x","=","1.0.0"]})", "{}", "null"},
      {R"({"sem_ver":["1.0.0","="]})", "{}", "null"},
      {R"({"sem_ver":[null,"=","1.0.0"]})", "{}", "null"},
      {R"({"sem_ver":["1.0.0","=",true]})", "{}", "null"},
  };
  expect_all(table);
}

}  // namespace
}  // namespace flagmesh::flags
