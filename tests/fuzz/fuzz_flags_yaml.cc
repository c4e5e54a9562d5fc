// YAML of any kind and flag files in YAML: what is taken is a JSON value.
#include <cstdlib>
#include <string_view>

#include "control/flags/canonical_json.h"
#include "control/flags/parse.h"
#include "control/flags/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace flagmesh::flags;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = read_yaml(text, "f.yaml", {.depth = 64});
  if (value) {
    const auto again = parse_json(canonical_json(*value));
    if (!again || !(*again == *value)) abort();
  } else if (value.error().message.empty()) {
    abort();
  }
  parse_flag_file(text, "f.yaml", "t");
  return 0;
}
