// Flag files as they are on disk into what make_lock, verify and diff take: parsed, desugared, made
// canonical as the engine does it, so that locker and engine compute the same roots. Pure; any
// thread.
#pragma once

#include <span>
#include <string>

#include "lockfile/make_lock.h"
#include "merkle/state_tree.h"
#include "proxy/base/diagnostic.h"

namespace flagmesh::lockfile {

struct FileText {
  std::string path;  // the name in the lock and in diagnostics; it decides YAML or JSON
  std::string text;
};

struct LoadedFlags {
  FlagSetInput input;       // complete only when has_errors(diagnostics) is false
  Diagnostics diagnostics;  // of all files; warnings too
};

// All files together are one flag set. Their order does not matter.
LoadedFlags load_flag_files(std::span<const FileText> files, const std::string& tenant,
                            const merkle::TenantSecret& secret);

}  // namespace flagmesh::lockfile
