// parse_config on any text: no crash, every diagnostic complete and in order, and what has no error
// can be built and asked. A NUL separates the text from a path that is asked of the routes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "control/config/config.h"

using namespace flagmesh;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_diagnostics(const Diagnostics& diagnostics) {
  uint32_t line = 0;
  for (const Diagnostic& d : diagnostics) {
    require(!d.message.empty() && d.file == "f.yaml" && d.line >= line);
    line = d.line;
  }
}

void ask_routes(const config::ProxyConfig& proxy, std::string_view path) {
  const auto routing = config::make_routing(proxy);
  require(routing.has_value());
  const auto built = snapshot::build_snapshot(1, *routing, {}, {});
  require(built.has_value());
  const snapshot::RouteTable& routes = *routing->routes;
  for (const snapshot::Route& route : routes.routes()) {
    const std::string_view host = route.hosts.empty() ? "h" : std::string_view(route.hosts[0]);
    const std::string_view method =
        route.methods.empty() ? "GET" : std::string_view(route.methods[0]);
    const snapshot::Route* found = routes.match({host, route.path, method});
    const bool plain = route.headers.empty() && route.path_match != snapshot::PathMatch::kRegex;
    if (plain && !host.starts_with("*.")) require(found != nullptr);
    routes.match({host, path, method});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find('\0');
  const std::string_view path = end == std::string_view::npos ? "/" : input.substr(end + 1);
  const config::ParsedConfig parsed = config::parse_config(
      input.substr(0, end), "f.yaml", [](const char*) { return std::string(); });
  check_diagnostics(parsed.diagnostics);
  if (has_errors(parsed.diagnostics) || !parsed.config.proxy) return 0;
  require(parsed.route_marks.size() == parsed.config.proxy->routes.size());
  ask_routes(*parsed.config.proxy, path);
  return 0;
}
