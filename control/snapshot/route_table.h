// Which route a request takes.
//
// Order of decision:
//   1. host: exact, then "*." wildcards from the longest suffix to the shortest, then any host.
//   2. path: exact, then prefixes from the longest to the shortest, then regular expressions in the
//      order of the file.
//   3. conditions: among routes of the same host and path the one with more conditions is asked
//      first (the method list is one, each header is one); the order of the file breaks ties.
// A host, a path or a condition that does not match passes the request on to the next in order.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "control/snapshot/route.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// What the table looks at. Views are read during match() only.
struct RouteQuery {
  // True when the request has a header line `name` (lower case) whose value is exactly `value`.
  using HeaderTest = bool (*)(const void* context, std::string_view name, std::string_view value);

  std::string_view host;  // Host or :authority: any case; port and final dot allowed; may be empty
  std::string_view path;  // normalised, without query; matches nothing unless it begins with '/'
  std::string_view method;      // as received; methods are case-sensitive
  HeaderTest header = nullptr;  // called only for routes with header conditions; null: none matches
  const void* context = nullptr;
};

// Immutable after build; read by all workers at once. match() neither allocates nor locks; its cost
// is one hash lookup per host label and path segment, whatever the number of routes. Only regular
// expressions are tried one after the other.
class RouteTable {
 public:
  // Fails with code "bad_route" when a regular expression does not compile (message names the
  // route's index and why). Takes the routes in file order and sets their index.
  static Result<std::shared_ptr<const RouteTable>> build(std::vector<Route> routes);

  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // The route of the request, or null (404). The pointer lives as long as the table.
  const Route* match(const RouteQuery& query) const;

  // In file order; routes()[i].index == i.
  const std::vector<Route>& routes() const { return routes_; }

  // Indices of the routes that name this flag, in file order.
  std::span<const uint32_t> routes_of_flag(std::string_view tenant, std::string_view key) const;

 private:
  struct Index;
  explicit RouteTable(std::vector<Route> routes);

  std::vector<Route> routes_;
  std::unique_ptr<const Index> index_;
};

}  // namespace flagmesh::snapshot
