// JSON of any kind, flag files and canonical flags: what is taken must read back from what is
// written.
#include <cstdlib>
#include <string_view>

#include "control/flags/canonical_flag.h"
#include "control/flags/canonical_json.h"
#include "control/flags/compiled_flag.h"
#include "control/flags/parse.h"
#include "control/flags/read_json.h"

namespace flagmesh::flags {
namespace {

void require(bool condition) {
  if (!condition) abort();
}

void canonical_json_reads_back(std::string_view text) {
  const auto value = read_json(text, "f.json", {.depth = 64});
  if (!value) return;
  const std::string canonical = canonical_json(*value);
  const auto again = parse_json(canonical);
  require(again.has_value() && *again == *value && canonical_json(*again) == canonical);
}

void flags_read_back(std::string_view text) {
  const ParsedFlags parsed = parse_flag_file(text, "f.json", "t");
  if (has_errors(parsed.diagnostics)) return;
  for (const FlagDefinition& flag : parsed.flags.flags) {
    const std::string canonical = canonical_flag(flag);
    const auto again = parse_canonical_flag(canonical);
    require(again.has_value() && canonical_flag(*again) == canonical);
    require(CompiledFlag::compile(*again).has_value());
  }
}

void canonical_flags_are_canonical(std::string_view text) {
  const auto flag = parse_canonical_flag(text);
  if (flag) require(canonical_flag(*flag) == text);
}

}  // namespace
}  // namespace flagmesh::flags

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  flagmesh::flags::canonical_json_reads_back(text);
  flagmesh::flags::flags_read_back(text);
  flagmesh::flags::canonical_flags_are_canonical(text);
  return 0;
}
