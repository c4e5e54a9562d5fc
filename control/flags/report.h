// Diagnostics at a mark.
#pragma once

#include <string>

#include "control/flags/json_value.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::flags {

inline Diagnostic error_at(std::string file, Mark mark, std::string message,
                           std::string mend = {}) {
  return {Severity::kError, std::move(file),    mark.line,
          mark.column,      std::move(message), std::move(mend)};
}

inline Diagnostic warning_at(std::string file, Mark mark, std::string message,
                             std::string mend = {}) {
  return {Severity::kWarning, std::move(file),    mark.line,
          mark.column,        std::move(message), std::move(mend)};
}

}  // namespace flagmesh::flags
