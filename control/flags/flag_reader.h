// One flag of a flag file into a definition; parse.h says what is an error and what a warning.
#pragma once

#include <string>
#include <string_view>

#include "control/flags/model.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

// What flags of one file share. References outlive the reading of the file.
struct FileContext {
  const std::string& file;
  std::string_view tenant;
  const JsonValue& evaluators;  // object or null
  const JsonValue& segments;    // object or null
};

// Mistakes go to `out`; the definition may be used only when none is an error. `in_array`: the flag
// carries its own `key` (flagd's second form).
FlagDefinition read_flag(const JsonValue& value, std::string_view key, Mark key_mark, bool in_array,
                         const FileContext& context, Diagnostics& out);

// Flag and flag-set metadata: a map; values that are not texts, numbers or booleans get a warning.
// Null when empty or wrong.
JsonValue read_metadata(const JsonValue& value, const std::string& file, Diagnostics& out);

// A key that `known` does not have: an error when it looks like a slip of one that it has, a
// warning otherwise.
void report_unknown_key(const JsonMember& member, const std::vector<std::string>& known,
                        const std::string& where, const std::string& file, Diagnostics& out);

}  // namespace flagmesh::flags
