#include "tests/control/flags/logic_helper.h"

namespace flagmesh::flags {
namespace {

TEST(LogicSplit, InputIsATextOrTheKeys) {
  const LogicCase table[] = {
      // murmur3("flagu") = 0x… decides both: the second writes the same input out.
      {R"({"===":[{"fractional":[["a",1],["b",1]]},{"fractional":[{"cat":["flag","u"]},["a",1],["b",1]]}]})",
       R"({"targetingKey":"u"})", "true"},
      {R"({"fractional":["6LvT0",["a",1],["b",1]]})", "{}", R"("b")"},
      {R"({"fractional":["SI7p-",["a",1],["b",1]]})", "{}", R"("a")"},
      {R"({"fractional":[{"var":"id"},["a",1],["b",1]]})", R"({"id":"ceQdGm"})", R"("b")"},
      {R"({"fractional":[null,["a",1]]})", R"({"targetingKey":"u"})", R"("a")"},
      {R"({"fractional":[null,["a",1]]})", "{}", "null"},
      {R"({"fractional":[{"var":"n"},["a",1]]})", R"({"n":5,"targetingKey":"u"})", "null"},
      {R"({"fractional":[{"var":"e"},["a",0]]})", R"({"e":["z",1],"targetingKey":"u"})", R"("z")"},
      {R"({"fractional":[["a",1]]})", R"({"targetingKey":5})", "null"},
      {R"({"fractional":[]})", R"({"targetingKey":"u"})", "null"},
      {R"({"fractional":"a"})", R"({"targetingKey":"u"})", "null"},
  };
  expect_all(table);
}

TEST(LogicSplit, EntriesMayBeComputed) {
  const LogicCase table[] = {
      {R"({"fractional":["x",[{"if":[true,"a","b"]},1]]})", "{}", R"("a")"},
      {R"({"fractional":["x",["a",{"-":[5,5]}],["b",1]]})", "{}", R"("b")"},
      {R"({"fractional":["x",["a",{"-":[1,5]}],["b",1]]})", "{}", R"("b")"},
      {R"({"fractional":["x",["a",{"/":[1,2]}],["b",1]]})", "{}", "null"},
      {R"({"fractional":["x",["a",{"var":"w"}],["b",0]]})", "{}", R"("a")"},
      {R"({"fractional":["x",[false,0],[true,100]]})", "{}", "true"},
      {R"({"fractional":["x",[null,1]]})", "{}", "null"},
      {R"({"fractional":["x",[["a"],1]]})", "{}", "null"},
      {R"({"fractional":["x",[],["a",1]]})", "{}", "null"},
      {R"({"fractional":["x",["a",2147483648]]})", "{}", "null"},
      {R"({"fractional":["x",["a",1,"more"]]})", "{}", R"("a")"},
      {R"({"fractional":["x",["a",{"var":"w"}],["b",2147483647]]})", R"({"w":1})", "null"},
  };
  expect_all(table);
}

TEST(LogicSplit, InsideALoopTheElementIsTheContext) {
  const LogicCase table[] = {
      {R"({"map":[[{"targetingKey":"6LvT0","x":1}],{"fractional":[["a",1],["b",1]]}]})", "{}",
       R"(["b"])"},
      {R"({"map":[["6LvT0"],{"fractional":[{"var":""},["a",1],["b",1]]}]})", "{}", "[null]"},
  };
  expect_all(table);
}

}  // namespace
}  // namespace flagmesh::flags
