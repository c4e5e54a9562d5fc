// `flagmesh check FILE`: everything that can be said about a configuration before it runs.
#pragma once

#include <string>

#include "proxy/base/diagnostic.h"

namespace flagmesh::config {

// Reads the configuration, the flag files and the key files that it names, and says all that is
// wrong with them, file by file in line order:
//   * what parse_config() and control/flags say about each file
//   * routes against flags: a flag that no file defines, a variant in `serve` that the flag does
//     not have (errors); a variant that `serve` leaves to the fallback (warning)
//   * key files that do not exist or cannot be read (their content is the role's business)
// Routes are compared with flags only when `flags.files` names files: a router that has its flags
// from Redis need not have them. `strict` turns warnings into errors.
Diagnostics check_files(const std::string& config_file, bool strict);

}  // namespace flagmesh::config
