// Reads the flag files of one tenant: all of them, or nothing.
#pragma once

#include <string>
#include <vector>

#include "control/flags/model.h"
#include "merkle/hash.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::engine {

struct FlagFile {
  std::string path;               // as it was named
  merkle::Hash sha256;            // of its bytes
  std::vector<std::string> keys;  // of the flags in it, in file order
};

// When has_errors(diagnostics), the set may be shown, never served.
struct FlagFiles {
  flags::FlagSet set;
  std::vector<FlagFile> files;
  Diagnostics diagnostics;
};

// In the order given. A file that cannot be read, two files that define one flag, and every mistake
// in a file are diagnostics.
FlagFiles read_flag_files(const std::vector<std::string>& paths, const std::string& tenant);

}  // namespace flagmesh::engine
