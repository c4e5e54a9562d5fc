// A rule on the first line, a context on the second: evaluation ends, and ends the same way twice.
#include <cstdlib>
#include <string_view>

#include "control/flags/compiled_flag.h"
#include "control/flags/read_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flagmesh::flags;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (line == text.npos) return 0;
  const auto rule = parse_json(text.substr(0, line), {.depth = 100});
  const auto object = parse_json(text.substr(line + 1), {.depth = 100});
  if (!rule || !object || !object->is_object()) return 0;
  FlagDefinition definition;
  definition.key = "flag";
  definition.variants = {{"on", true}, {"off", false}, {"true", 1}};
  definition.default_variant = "off";
  definition.targeting = *rule;
  const auto flag = CompiledFlag::compile(definition);
  if (!flag) return 0;
  const JsonContext context(*object, 1'700'000'000);
  const Evaluation first = (*flag)->evaluate(context);
  const Evaluation second = (*flag)->evaluate(context);
  if (first.variant != second.variant || first.reason != second.reason ||
      first.error != second.error)
    abort();
  return 0;
}
