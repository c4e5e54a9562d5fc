// Which route a request takes.
//
// Order of decision:
//   1. host: exact, then "*." wildcards from the longest suffix to the shortest, then routes for
//   any host. A level that
//      has no matching route passes the request on to the next one.
//   2. path: exact, then prefixes from the longest to the shortest, then regular expressions in
//   file order.
//   3. conditions: among routes of the same host and path, the one with more conditions is asked
//   first (the method list
//      is one, each header is one); file order breaks ties. A route whose conditions fail passes
//      the request on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/snapshot/route.h"
#include "proxy/base/result.h"

namespace flagmesh::snapshot {

// What the table looks at. Views are read during match() only.
struct RouteQuery {
  // True when the request has a header line `name` (lower case) whose value is exactly `value`.
  using HeaderTest = bool (*)(const void* context, std::string_view name, std::string_view value);

  std::string_view
      host;  // as in Host or :authority: any case, port and trailing dot allowed, may be empty
  std::string_view
      path;  // normalised, without query; one that does not begin with '/' matches no route
  std::string_view method;  // as received; methods are case-sensitive
  HeaderTest header =
      nullptr;  // called only for routes that have header conditions; null: no header matches
  const void* context = nullptr;
};

// Immutable after build; read by all workers at once. match() neither allocates nor locks; its cost
// is one hash lookup per host label and path segment, whatever the number of routes. Only regular
// expressions are tried one after the other.
class RouteTable {
 public:
  // Regular expressions are given up after this many steps of the matcher, and count as not
  // matching: a request cannot buy CPU with a clever path.
  static constexpr uint32_t kRegexSteps = 20'000;
  // Longer paths match no regular expression.
  static constexpr size_t kRegexPathBytes = 4'096;

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

 private:
  struct Index;
  explicit RouteTable(std::vector<Route> routes);

  std::vector<Route> routes_;
  std::unique_ptr<const Index> index_;
};

// True when two routes match exactly the same requests, so that the later one can never be reached.
bool same_match(const Route& a, const Route& b);

}  // namespace flagmesh::snapshot
