#include "control/config/config.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/config/read_file.h"

namespace flagmesh::config {
namespace {

// The pattern's matches are appended. One without a wildcard is kept as it is.
void expand(const std::string& pattern, std::vector<std::string>& out) {
  if (pattern.find_first_of("*?[") == std::string::npos) {
    out.push_back(pattern);
    return;
  }
  glob_t found{};
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    out.insert(out.end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
}

}  // namespace

ParsedConfig load_config(const std::string& file) {
  const auto text = read_file(file);
  if (text) return parse_config(*text, file, process_environment());
  ParsedConfig parsed;
  parsed.config.file = file;
  parsed.diagnostics.push_back(
      {Severity::kError, file, 0, 0, text.error().message, text.error().mend});
  return parsed;
}

std::vector<std::string> flag_files(const FlagsConfig& flags) {
  std::vector<std::string> files;
  for (const std::string& pattern : flags.files) expand(pattern, files);
  std::ranges::sort(files);
  const auto rest = std::ranges::unique(files);
  files.erase(rest.begin(), rest.end());
  return files;
}

Result<snapshot::Routing> make_routing(const ProxyConfig& proxy) {
  auto routes = snapshot::RouteTable::build(proxy.routes);
  if (!routes) return std::unexpected(std::move(routes.error()));
  return snapshot::Routing{
      .routes = std::move(*routes),
      .containers = std::make_shared<const std::vector<snapshot::ContainerSpec>>(proxy.containers)};
}

}  // namespace flagmesh::config
