#include "lockfile/flag_files.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "control/flags/canonical_flag.h"
#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"

namespace flagmesh::lockfile {

LoadedFlags load_flag_files(std::span<const FileText> files, const std::string& tenant,
                            const merkle::TenantSecret& secret) {
  LoadedFlags loaded;
  loaded.input.tenant = tenant;
  loaded.input.secret = secret;
  // In the order of their paths, so that the diagnostics do not depend on the caller's order.
  std::vector<const FileText*> sorted;
  for (const FileText& file : files) sorted.push_back(&file);
  std::sort(sorted.begin(), sorted.end(),
            [](const FileText* a, const FileText* b) { return a->path < b->path; });
  flags::FlagSet all;
  all.tenant = tenant;
  for (const FileText* file : sorted) {
    loaded.input.files.push_back({file->path, merkle::sha256(file->text)});
    flags::ParsedFlags parsed = flags::parse_flag_file(file->text, file->path, tenant);
    std::move(parsed.diagnostics.begin(), parsed.diagnostics.end(),
              std::back_inserter(loaded.diagnostics));
    for (const flags::FlagDefinition& flag : parsed.flags.flags)
      loaded.input.flags.push_back({flag.key, {}, file->path});
    flags::merge_flag_sets(all, std::move(parsed.flags), file->path, loaded.diagnostics);
  }
  flags::resolve_prerequisites(all, loaded.diagnostics);
  // Merging keeps the order.
  for (size_t i = 0; i < all.flags.size(); ++i)
    loaded.input.flags[i].json = flags::canonical_flag(all.flags[i]);
  loaded.input.metadata_json = flags::canonical_flag_set_metadata(all);
  return loaded;
}

}  // namespace flagmesh::lockfile
