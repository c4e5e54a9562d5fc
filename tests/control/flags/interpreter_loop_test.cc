#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(LogicLoop, RunsForEachElement) {
  const LogicCase table[] = {
      {R"({"map":[{"var":"n"},{"*":[{"var":""},2]}]})", R"({"n":[1,2,3]})", "[2,4,6]"},
      {R"({"map":[{"var":"none"},{"var":""}]})", "{}", "[]"},
      {R"({"map":[[1,2]]})", "{}", "[null,null]"},
      {R"({"map":[[{"a":1,"b":0}],{"var":"a"}]})", "{}", "[1]"},
      {R"({"filter":[{"var":"n"},{"%":[{"var":""},2]}]})", R"({"n":[1,2,3]})", "[1,3]"},
      {R"({"filter":["text",true]})", "{}", "[]"},
      {R"({"reduce":[{"var":"n"},{"+":[{"var":"current"},{"var":"accumulator"}]},0]})",
       R"({"n":[1,2,3]})", "6"},
      {R"({"reduce":[{"var":"p"},{"+":[{"var":"current.q"},{"var":"accumulator"}]},{"var":"start"}]})",
       R"({"p":[{"q":1},{"q":2}],"start":10})", "13"},
      {R"({"reduce":[{"var":"none"},{"var":"current"},7]})", "{}", "7"},
      {R"({"reduce":[[1,2],{"var":"accumulator"}]})", "{}", "null"},
      {R"({"reduce":[[1,2],{"var":"other"},1]})", "{}", "null"},
      {R"({"all":[[1,2,3],{">":[{"var":""},0]}]})", "{}", "true"},
      {R"({"all":[[1,-2,3],{">":[{"var":""},0]}]})", "{}", "false"},
      {R"({"all":[[],true]})", "{}", "false"},
      {R"({"some":[[-1,0,1],{">":[{"var":""},0]}]})", "{}", "true"},
      {R"({"some":[[],true]})", "{}", "false"},
      {R"({"none":[[-3,-2],{">":[{"var":""},0]}]})", "{}", "true"},
      {R"({"none":[[-3,2],{">":[{"var":""},0]}]})", "{}", "false"},
      {R"({"none":[{"var":"x"},true]})", "{}", "true"},
      {R"({"some":[{"var":"pies"},{"==":[{"var":"filling"},"apple"]}]})",
       R"({"pies":[{"filling":"plum"},{"filling":"apple"}]})", "true"},
      {R"({"map":[[[1,2],[3]],{"map":[{"var":""},{"+":[{"var":""},1]}]}]})", "{}", "[[2,3],[4]]"},
  };
  expect_all(table);
}

}  // namespace
}  // namespace flagmesh::flags
