#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(LogicCompare, EqualityConvertsAsJavaScriptDoes) {
  const LogicCase table[] = {
      {R"({"==":[1,1]})", "{}", "true"},
      {R"({"==":[1,"1"]})", "{}", "true"},
      {R"({"==":[0,false]})", "{}", "true"},
      {R"({"==":["",0]})", "{}", "true"},
      {R"({"==":[" 1 ",1]})", "{}", "true"},
      {R"({"==":["0x10",16]})", "{}", "true"},
      {R"({"==":["a",1]})", "{}", "false"},
      {R"({"==":[null,0]})", "{}", "false"},
      {R"({"==":[null,false]})", "{}", "false"},
      {R"({"==":[{"var":"x"},null]})", "{}", "true"},
      {R"({"==":[[1],1]})", "{}", "true"},
      {R"({"==":[[1,2],"1,2"]})", "{}", "true"},
      {R"({"==":[[1],[1]]})", "{}", "false"},
      {R"({"==":["true",true]})", "{}", "false"},
      {R"({"==":["1",true]})", "{}", "true"},
      {R"({"!=":[1,2]})", "{}", "true"},
      {R"({"!=":[1,"1"]})", "{}", "false"},
      {R"({"===":[1,1]})", "{}", "true"},
      {R"({"===":[1,"1"]})", "{}", "false"},
      {R"({"!==":[1,"1"]})", "{}", "true"},
      {R"({"===":[null,{"var":"x"}]})", "{}", "true"},
      {R"({"===":["a","a"]})", "{}", "true"},
      {R"({"===":[1]})", "{}", "false"},
      {R"({"===":[null]})", "{}", "false"},
      {R"({"==":[null]})", "{}", "true"},
      {R"({"==":[1]})", "{}", "false"},
  };
  expect_all(table);
}

TEST(LogicCompare, OrderIsOfTextsOrOfNumbers) {
  const LogicCase table[] = {
      {R"({"<":[1,2]})", "{}", "true"},      {R"({"<":[2,1]})", "{}", "false"},
      {R"({"<":["1",2]})", "{}", "true"},    {R"({"<":["b","a"]})", "{}", "false"},
      {R"({"<":["10","9"]})", "{}", "true"}, {R"({"<":["a",1]})", "{}", "false"},
      {R"({">":["a",1]})", "{}", "false"},   {R"({"<":[null,1]})", "{}", "true"},
      {R"({">=":[null,0]})", "{}", "true"},  {R"({"<":[1,2,3]})", "{}", "true"},
      {R"({"<":[1,4,3]})", "{}", "false"},   {R"({"<=":[1,1,3]})", "{}", "true"},
      {R"({">":[3,2,1]})", "{}", "true"},    {R"({">":[3,2,2]})", "{}", "false"},
      {R"({">=":[1,1]})", "{}", "true"},     {R"({"<":[1]})", "{}", "false"},
      {R"({">=":[]})", "{}", "false"},       {R"({"<":[[2],3]})", "{}", "true"},
      {R"({"<":[{},3]})", "{}", "false"},    {R"({"<":["\ue000","\ud83d\ude00"]})", "{}", "true"},
  };
  expect_all(table);
}

}  // namespace
}  // namespace flagmesh::flags
