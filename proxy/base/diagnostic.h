// A mistake in a file that a person wrote: where it is and how to mend it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flagmesh {

enum class Severity : uint8_t { kWarning, kError };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string file;     // as the user named it
  uint32_t line = 0;    // from 1; 0 = the whole file
  uint32_t column = 0;  // from 1; 0 = the whole line
  std::string message;  // what is wrong: "unknown key 'endpoint' in container 'web'"
  std::string mend;     // what to write instead: "did you mean 'endpoints'?"; may be empty

  // "flagmesh.yaml:12:5: error: message; mend"
  std::string text() const;
};

using Diagnostics = std::vector<Diagnostic>;

bool has_errors(const Diagnostics& diagnostics);

// The candidate nearest to `word` by edit distance, or an empty string when none is near enough to be a likely slip
// (more than a third of its letters differ). For "did you mean".
std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace flagmesh
