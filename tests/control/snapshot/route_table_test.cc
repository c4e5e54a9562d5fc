#include "control/snapshot/route_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace flagmesh::snapshot {
namespace {

using Headers = std::vector<HeaderMatch>;

bool has_header(const void* context, std::string_view name, std::string_view value) {
  const auto& headers = *static_cast<const Headers*>(context);
  return std::ranges::any_of(
      headers, [&](const HeaderMatch& h) { return h.name == name && h.value == value; });
}

Route prefix(std::string path, std::vector<std::string> hosts = {}) {
  Route route;
  route.path = std::move(path);
  route.hosts = std::move(hosts);
  return route;
}
Route exact(std::string path, std::vector<std::string> hosts = {}) {
  Route route = prefix(std::move(path), std::move(hosts));
  route.path_match = PathMatch::kExact;
  return route;
}
Route regex(std::string path, std::vector<std::string> hosts = {}) {
  Route route = prefix(std::move(path), std::move(hosts));
  route.path_match = PathMatch::kRegex;
  return route;
}
Route with(Route route, std::vector<std::string> methods, Headers headers = {}) {
  route.methods = std::move(methods);
  route.headers = std::move(headers);
  return route;
}

std::shared_ptr<const RouteTable> table(std::vector<Route> routes) {
  auto built = RouteTable::build(std::move(routes));
  EXPECT_TRUE(built) << built.error().text();
  return *built;
}

// Index of the route, or -1.
int match(const RouteTable& routes, std::string_view host, std::string_view path,
          std::string_view method = "GET", const Headers& headers = {}) {
  const Route* route = routes.match({host, path, method, has_header, &headers});
  return route == nullptr ? -1 : static_cast<int>(route->index);
}

TEST(RouteTable, PathsTable) {
  const auto routes = table({
      prefix("/"),           // 0
      prefix("/a"),          // 1
      prefix("/a/b/"),       // 2: the final slash does not count
      exact("/a/b"),         // 3
      exact("/a/b/c"),       // 4
      prefix("/a/b/c/d/e"),  // 5
      regex("^/r/[0-9]+$"),  // 6: never before a prefix
      prefix("/a%2Fb"),      // 7: bytes as they come
      exact("/"),            // 8
  });
  const struct {
    const char* path;
    int route;
  } kCases[] = {
      {"/", 8},           {"/x", 0},
      {"/a", 1},          {"/a/", 1},
      {"/ab", 0},         {"/a/b", 3},
      {"/a/b/", 2},       {"/a/bc", 1},
      {"/a/b/x", 2},      {"/a/b/c", 4},
      {"/a/b/c/", 2},     {"/a/b/c/d", 2},
      {"/a/b/c/d/e", 5},  {"/a/b/c/d/e/f/g", 5},
      {"/A", 0},          {"//a", 0},
      {"/a//b", 1},       {"/r/1", 0},
      {"/a%2Fb/x", 7},    {"", -1},
      {"*", 0},           {"a", -1},
      {"http://x/a", -1},
  };
  for (const auto& c : kCases) EXPECT_EQ(match(*routes, "h", c.path), c.route) << c.path;
}

TEST(RouteTable, RegexesInFileOrderAfterPrefixes) {
  const auto routes = table({
      regex("^/u/[0-9]+"),                  // 0
      regex("^/u/"),                        // 1
      prefix("/u/9"),                       // 2
      with(regex("^/u/[0-9]+"), {"POST"}),  // 3: the same pattern, asked before 0
  });
  EXPECT_EQ(match(*routes, "", "/u/1"), 0);
  EXPECT_EQ(match(*routes, "", "/u/1", "POST"), 3);
  EXPECT_EQ(match(*routes, "", "/u/x"), 1);
  EXPECT_EQ(match(*routes, "", "/u/9"), 2);
  EXPECT_EQ(match(*routes, "", "/v"), -1);
}

TEST(RouteTable, HostsTable) {
  const auto routes = table({
      prefix("/"),                                       // 0
      prefix("/", {"a.example.com"}),                    // 1
      prefix("/", {"*.example.com"}),                    // 2
      prefix("/", {"*.b.example.com"}),                  // 3
      prefix("/deep", {"*.example.com"}),                // 4
      prefix("/x", {"b.example.com", "c.example.org"}),  // 5
      prefix("/", {"[::1]"}),                            // 6
      prefix("/any"),                                    // 7
  });
  const struct {
    const char* host;
    const char* path;
    int route;
  } kCases[] = {
      {"a.example.com", "/", 1},
      {"A.Example.COM", "/", 1},
      {"a.example.com:8080", "/", 1},
      {"a.example.com.", "/", 1},
      {"a.example.com.:80", "/", 1},
      {"a.example.com", "/deep", 1},
      {"z.example.com", "/", 2},
      {"z.example.com", "/deep/x", 4},
      {"y.z.example.com", "/", 2},
      {"q.b.example.com", "/", 3},
      {"q.b.example.com", "/deep", 3},
      {"p.q.b.example.com:1", "/", 3},
      {"b.example.com", "/", 2},
      {"b.example.com", "/x", 5},
      {"C.example.org", "/x", 5},
      {"c.example.org", "/", 0},
      {"c.example.org", "/any", 7},
      {"example.com", "/", 0},
      {".example.com", "/", 0},
      {"aexample.com", "/", 0},
      {"[::1]", "/", 6},
      {"[::1]:9071", "/", 6},
      {"::1", "/", 0},
      {"[::1", "/", 0},
      {"", "/", 0},
      {":80", "/", 0},
      {"a.example.com", "/any", 1},
      {"..", "/", 0},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(match(*routes, c.host, c.path), c.route) << c.host << " " << c.path;
  }
  const std::string longest = std::string(243, 'a') + ".example.com";  // 255 bytes
  EXPECT_EQ(match(*routes, longest, "/"), 2);
  EXPECT_EQ(match(*routes, "a" + longest, "/"), 0) << "no host is that long";
}

TEST(RouteTable, MoreConditionsFirstThenFileOrder) {
  const auto routes = table({
      prefix("/a"),                                                   // 0
      with(prefix("/a"), {"POST", "PUT"}),                            // 1
      with(prefix("/a"), {}, {{"x-beta", "1"}}),                      // 2
      with(prefix("/a"), {"POST"}, {{"x-beta", "1"}}),                // 3
      with(prefix("/a"), {}, {{"x-beta", "1"}, {"x-team", "core"}}),  // 4
      with(exact("/a/b"), {"DELETE"}),                                // 5
  });
  const Headers beta = {{"x-beta", "1"}};
  const Headers both = {{"x-beta", "0"}, {"x-beta", "1"}, {"x-team", "core"}};
  EXPECT_EQ(match(*routes, "", "/a"), 0);
  EXPECT_EQ(match(*routes, "", "/a", "POST"), 1);
  EXPECT_EQ(match(*routes, "", "/a", "post"), 0) << "methods are case-sensitive";
  EXPECT_EQ(match(*routes, "", "/a", "GET", beta), 2);
  EXPECT_EQ(match(*routes, "", "/a", "POST", beta), 3);
  EXPECT_EQ(match(*routes, "", "/a", "POST", both), 3) << "two conditions each: file order";
  EXPECT_EQ(match(*routes, "", "/a", "GET", both), 4);
  EXPECT_EQ(match(*routes, "", "/a", "GET", {{"x-beta", "2"}}), 0);
  EXPECT_EQ(match(*routes, "", "/a/b", "DELETE"), 5);
  EXPECT_EQ(match(*routes, "", "/a/b"), 0) << "a condition that fails passes the request on";
  EXPECT_EQ(routes->match({"", "/a", "POST"})->index, 1u) << "no header function: none matches";
}

TEST(RouteTable, NoRoutesAndBadRegex) {
  EXPECT_EQ(match(*table({}), "h", "/"), -1);
  const auto bad = RouteTable::build({prefix("/"), regex("(")});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, "bad_route");
  EXPECT_TRUE(bad.error().message.starts_with("route 1: ")) << bad.error().message;
}

TEST(RouteTable, RoutesOfFlag) {
  std::vector<Route> list(5);
  for (Route& route : list) route.tenant = "default";
  list[1].flag = list[3].flag = "checkout";
  list[4].flag = "checkout";
  list[4].tenant = "other";
  const auto routes = table(std::move(list));
  const auto found = routes->routes_of_flag("default", "checkout");
  EXPECT_EQ(std::vector<uint32_t>(found.begin(), found.end()), (std::vector<uint32_t>{1, 3}));
  EXPECT_EQ(routes->routes_of_flag("other", "checkout").size(), 1u);
  EXPECT_TRUE(routes->routes_of_flag("default", "").empty());
}

// --- property: the table against the rules written out naively ---

bool host_matches(const std::string& pattern, const std::string& host) {
  if (!pattern.starts_with("*.")) return pattern == host;
  const std::string suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

// Higher is better; empty when the route does not match. The order is the one of route_table.h.
std::optional<std::vector<long>> rank(const Route& route, const std::string& host,
                                      const std::string& path, const std::string& method,
                                      const Headers& headers) {
  std::vector<long> hosts;
  if (route.hosts.empty()) hosts.push_back(0);
  for (const std::string& pattern : route.hosts) {
    if (!host_matches(pattern, host)) continue;
    hosts.push_back(pattern.starts_with("*.") ? static_cast<long>(pattern.size()) : 1000);
  }
  if (hosts.empty()) return std::nullopt;
  std::string bare = route.path;
  while (bare.ends_with('/')) bare.pop_back();
  const bool below = path == bare || path.starts_with(bare + "/");
  if (route.path_match == PathMatch::kExact ? path != route.path : !below) return std::nullopt;
  if (!route.methods.empty() && std::ranges::find(route.methods, method) == route.methods.end()) {
    return std::nullopt;
  }
  for (const HeaderMatch& h : route.headers) {
    if (std::ranges::find(headers, h) == headers.end()) return std::nullopt;
  }
  const long path_rank =
      route.path_match == PathMatch::kExact ? 100'000 : static_cast<long>(bare.size());
  const long conditions = static_cast<long>(route.headers.size()) + !route.methods.empty();
  return std::vector<long>{std::ranges::max(hosts), path_rank, conditions,
                           -static_cast<long>(route.index)};
}

TEST(RouteTable, AgreesWithTheRulesWrittenOut) {
  std::mt19937 random(20261120);
  const auto pick = [&](const auto& list) { return list[random() % list.size()]; };
  const std::vector<std::string> segments = {"a", "b", "ab", "c", ""};
  const std::vector<std::string> hosts = {"x.test", "y.x.test", "*.test", "*.x.test", "*.y.x.test"};
  const std::vector<std::string> asked = {"x.test", "y.x.test", "z.y.x.test", "q.test", "test", ""};
  const std::vector<std::string> methods = {"GET", "POST", "PUT"};
  const Headers headers = {{"h1", "1"}, {"h1", "2"}, {"h2", "1"}};
  const auto path = [&] {
    std::string text;
    for (size_t i = 0, n = 1 + random() % 4; i < n; i++) text += "/" + pick(segments);
    return text;
  };
  int matched = 0;
  for (int round = 0; round < 300; round++) {
    std::vector<Route> list(random() % 40);
    for (size_t i = 0; i < list.size(); i++) {
      list[i] = random() % 3 == 0 ? exact(path()) : prefix(path());
      list[i].index = static_cast<uint32_t>(i);
      for (size_t n = random() % 3; n > 0; n--) list[i].hosts.push_back(pick(hosts));
      if (random() % 3 == 0) list[i].methods = {pick(methods)};
      for (size_t n = random() % 3; n > 1; n--) list[i].headers.push_back(pick(headers));
    }
    const auto routes = table(list);
    for (int ask = 0; ask < 100; ask++) {
      const std::string host = pick(asked), where = path(), method = pick(methods);
      const Headers sent = {pick(headers)};
      int best = -1;
      std::vector<long> best_rank;
      for (const Route& route : list) {
        const auto its = rank(route, host, where, method, sent);
        if (!its || (best >= 0 && *its < best_rank)) continue;
        best = static_cast<int>(route.index);
        best_rank = *its;
      }
      ASSERT_EQ(match(*routes, host, where, method, sent), best)
          << "round " << round << ": " << method << " " << host << where;
      matched += best >= 0;
    }
  }
  EXPECT_GT(matched, 5000);
}

}  // namespace
}  // namespace flagmesh::snapshot
