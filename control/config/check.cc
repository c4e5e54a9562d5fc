#include "control/config/check.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <unordered_map>

#include "control/config/config.h"
#include "control/config/object_reader.h"
#include "control/config/read_file.h"
#include "control/flags/parse.h"
#include "control/flags/prerequisites.h"

namespace flagmesh::config {
namespace {

using FlagIndex = std::unordered_map<std::string_view, const flags::FlagDefinition*>;

struct LoadedFlags {
  flags::FlagSet set;
  Diagnostics diagnostics;
  bool any = false;  // a file was named and read
};

LoadedFlags load_flags(const ParsedConfig& parsed, Report& report) {
  LoadedFlags loaded;
  const FlagsConfig& flags = parsed.config.flags;
  for (const NamedFile& pattern : parsed.flag_patterns) {
    if (flag_files({.tenant = flags.tenant, .files = {pattern.path}}).empty()) {
      report.warning(pattern.mark, pattern.what + ": no file matches " + in_quotes(pattern.path));
    }
  }
  loaded.set.tenant = flags.tenant;
  for (const std::string& file : flag_files(flags)) {
    const auto text = read_file(file);
    if (!text) {
      loaded.diagnostics.push_back({Severity::kError, file, 0, 0, text.error().message, ""});
      continue;
    }
    flags::ParsedFlags read = flags::parse_flag_file(*text, file, flags.tenant);
    loaded.diagnostics.insert(loaded.diagnostics.end(), read.diagnostics.begin(),
                              read.diagnostics.end());
    flags::merge_flag_sets(loaded.set, std::move(read.flags), file, loaded.diagnostics);
    loaded.any = true;
  }
  flags::resolve_prerequisites(loaded.set, loaded.diagnostics);
  return loaded;
}

std::vector<std::string> names_of_variants(const flags::FlagDefinition& flag) {
  std::vector<std::string> names;
  for (const flags::Variant& variant : flag.variants) names.push_back(variant.name);
  return names;
}

void check_serve(Report& report, const snapshot::Route& route, const RouteMarks& marks,
                 const flags::FlagDefinition& flag) {
  for (size_t i = 0; i < route.serve.size(); i++) {
    const std::string& name = route.serve[i].first;
    if (flag.variant_index(name)) continue;
    report.error(marks.serve[i],
                 "flag " + in_quotes(flag.key) + " has no variant " + in_quotes(name),
                 suggestion(name, names_of_variants(flag)));
  }
  for (const flags::Variant& variant : flag.variants) {
    const auto served =
        std::ranges::find(route.serve, variant.name, [](const auto& pair) { return pair.first; });
    if (served != route.serve.end()) continue;
    report.warning(marks.flag,
                   "variant " + in_quotes(variant.name) + " of flag " + in_quotes(flag.key) +
                       " is not in 'serve'",
                   "its users get the fallback");
  }
}

void check_routes(Report& report, const ParsedConfig& parsed, const LoadedFlags& loaded) {
  FlagIndex index;
  std::vector<std::string> keys;
  for (const flags::FlagDefinition& flag : loaded.set.flags) {
    index.emplace(flag.key, &flag);
    keys.push_back(flag.key);
  }
  // A broken file may well define the flag.
  const bool all_read = !has_errors(loaded.diagnostics);
  for (const snapshot::Route& route : parsed.config.proxy->routes) {
    if (!route.is_flag_route()) continue;
    const RouteMarks& marks = parsed.route_marks[route.index];
    const auto flag = index.find(route.flag);
    if (flag != index.end()) {
      check_serve(report, route, marks, *flag->second);
    } else if (all_read) {
      report.error(marks.flag, "no file defines flag " + in_quotes(route.flag),
                   suggestion(route.flag, keys));
    }
  }
}

void check_key_files(Report& report, const ParsedConfig& parsed) {
  for (const NamedFile& file : parsed.key_files) {
    if (access(file.path.c_str(), R_OK) == 0) continue;
    report.error(file.mark,
                 file.what + ": " + in_quotes(file.path) +
                     " cannot be read: " + std::generic_category().message(errno),
                 "flagmesh keygen makes keys");
  }
}

template <class Spec, class Load>
void check_tls(Report& report, const std::vector<NamedTls<Spec>>& all, Load&& load) {
  for (const NamedTls<Spec>& one : all) {
    net::TlsWarnings warnings;
    if (Status loaded = load(one.spec, warnings); !loaded) {
      const Error& error = loaded.error();
      report.error(one.mark, one.what + ": " + error.place + ": " + error.message, error.mend);
    }
    for (const net::TlsWarning& warning : warnings) {
      report.warning(one.mark, one.what + ": " + warning.place + ": " + warning.message, warning.mend);
    }
  }
}

void check_certificates(Report& report, const ParsedConfig& parsed) {
  const auto keys = std::make_shared<const net::TicketKeys>(0);
  const auto status = [](const auto& loaded) { return loaded ? Status() : Status(std::unexpected(loaded.error())); };
  check_tls(report, parsed.tls_servers, [&](const net::TlsServerSpec& spec, net::TlsWarnings& warnings) {
    return status(net::TlsServer::load(spec, keys, warnings));
  });
  check_tls(report, parsed.tls_clients, [&](const net::TlsClientSpec& spec, net::TlsWarnings& warnings) {
    return status(net::TlsClient::load(spec, warnings));
  });
}

}  // namespace

Diagnostics check_files(const std::string& config_file, bool strict) {
  ParsedConfig parsed = load_config(config_file);
  Diagnostics all = std::move(parsed.diagnostics);
  Report report(config_file, all);
  const LoadedFlags loaded = load_flags(parsed, report);
  if (parsed.config.proxy && loaded.any) check_routes(report, parsed, loaded);
  check_key_files(report, parsed);
  check_certificates(report, parsed);
  std::ranges::stable_sort(all, {},
                           [](const Diagnostic& d) { return std::pair(d.line, d.column); });
  all.insert(all.end(), loaded.diagnostics.begin(), loaded.diagnostics.end());
  if (strict) {
    for (Diagnostic& diagnostic : all) diagnostic.severity = Severity::kError;
  }
  return all;
}

}  // namespace flagmesh::config
