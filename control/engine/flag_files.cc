#include "control/engine/flag_files.h"

#include <utility>

#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"
#include "control/flags/read_json.h"
#include "proxy/base/durable_file.h"

namespace flagmesh::engine {
namespace {

void report(Diagnostics& out, const std::string& file, std::string message, std::string mend = {}) {
  out.push_back({Severity::kError, file, 0, 0, std::move(message), std::move(mend)});
}

}  // namespace

FlagFiles read_flag_files(const std::vector<std::string>& paths, const std::string& tenant) {
  FlagFiles result;
  result.set.tenant = tenant;
  for (const std::string& path : paths) {
    const auto bytes = read_if_exists(path, flags::ReadLimits().bytes);
    if (!bytes) {
      report(result.diagnostics, path, bytes.error().message, bytes.error().mend);
      continue;
    }
    if (!*bytes) {
      report(result.diagnostics, path, "there is no such file");
      continue;
    }
    flags::ParsedFlags parsed = flags::parse_flag_file(**bytes, path, tenant);
    FlagFile file{path, merkle::sha256(**bytes), {}};
    for (const flags::FlagDefinition& flag : parsed.flags.flags) file.keys.push_back(flag.key);
    result.files.push_back(std::move(file));
    for (Diagnostic& diagnostic : parsed.diagnostics) {
      result.diagnostics.push_back(std::move(diagnostic));
    }
    flags::merge_flag_sets(result.set, std::move(parsed.flags), path, result.diagnostics);
  }
  flags::resolve_prerequisites(result.set, result.diagnostics);
  return result;
}

}  // namespace flagmesh::engine
