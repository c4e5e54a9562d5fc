#include "control/snapshot/route_table.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "control/snapshot/path_regex.h"

namespace flagmesh::snapshot {
namespace {

// RFC 1035 §2.3.4: no host name is longer; a longer one matches only routes for any host.
constexpr size_t kHostBytes = 255;

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

// Routes of the same host and path, in the order in which they are asked.
using Candidates = std::vector<const Route*>;

// One path segment below its parent. Nodes without routes only lead on.
struct Node {
  const Node* parent = nullptr;
  Candidates routes;
  TextMap<std::unique_ptr<Node>> children;
};

struct RegexRoutes {
  std::string pattern;
  PathRegex regex;
  Candidates routes;
};

// The routes of one host pattern.
struct HostRoutes {
  TextMap<Candidates> exact;
  Node root;
  std::vector<RegexRoutes> regexes;
};

size_t conditions(const Route& route) {
  return route.headers.size() + !route.methods.empty();
}

// Keeps the order: more conditions first, then as added (file order).
void add(Candidates& candidates, const Route& route) {
  const auto at = std::ranges::find_if(
      candidates, [&](const Route* other) { return conditions(*other) < conditions(route); });
  candidates.insert(at, &route);
}

// Cuts the first segment off `rest`, which has no leading '/'.
std::string_view next_segment(std::string_view& rest) {
  const size_t end = rest.find('/');
  const std::string_view segment = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return segment;
}

void add_prefix(Node& root, const Route& route) {
  std::string_view rest = route.path;
  while (rest.ends_with('/')) rest.remove_suffix(1);
  Node* node = &root;
  if (!rest.empty()) rest.remove_prefix(1);
  while (!rest.empty()) {
    auto& child = node->children[std::string(next_segment(rest))];
    if (child == nullptr) {
      child = std::make_unique<Node>();
      child->parent = node;
    }
    node = child.get();
  }
  add(node->routes, route);
}

Status add_path(HostRoutes& host, const Route& route) {
  if (route.path_match == PathMatch::kExact) {
    add(host.exact[route.path], route);
  } else if (route.path_match == PathMatch::kPrefix) {
    add_prefix(host.root, route);
  } else {
    auto same = std::ranges::find(host.regexes, route.path, &RegexRoutes::pattern);
    if (same == host.regexes.end()) {
      auto regex = PathRegex::compile(route.path);
      if (!regex) {
        return fail("bad_route",
                    "route " + std::to_string(route.index) + ": " + regex.error().message);
      }
      host.regexes.push_back({route.path, std::move(*regex), {}});
      same = host.regexes.end() - 1;
    }
    add(same->routes, route);
  }
  return {};
}

bool conditions_hold(const Route& route, const RouteQuery& query) {
  if (!route.methods.empty() &&
      std::ranges::find(route.methods, query.method) == route.methods.end()) {
    return false;
  }
  return std::ranges::all_of(route.headers, [&](const HeaderMatch& header) {
    return query.header != nullptr && query.header(query.context, header.name, header.value);
  });
}

const Route* first_of(const Candidates& candidates, const RouteQuery& query) {
  for (const Route* route : candidates) {
    if (conditions_hold(*route, query)) return route;
  }
  return nullptr;
}

const Node* deepest_node(const Node& root, std::string_view path) {
  const Node* node = &root;
  std::string_view rest = path.substr(1);
  while (!rest.empty() && !node->children.empty()) {
    const auto child = node->children.find(next_segment(rest));
    if (child == node->children.end()) break;
    node = child->second.get();
  }
  return node;
}

const Route* match_path(const HostRoutes& host, const RouteQuery& query) {
  if (!host.exact.empty()) {
    if (const auto exact = host.exact.find(query.path); exact != host.exact.end()) {
      if (const Route* route = first_of(exact->second, query)) return route;
    }
  }
  for (const Node* node = deepest_node(host.root, query.path); node != nullptr;
       node = node->parent) {
    if (const Route* route = first_of(node->routes, query)) return route;
  }
  for (const RegexRoutes& candidate : host.regexes) {
    if (!candidate.regex.matches(query.path)) continue;
    if (const Route* route = first_of(candidate.routes, query)) return route;
  }
  return nullptr;
}

// Without port and final dot, in lower case, written to `buffer`; empty when there is none or it is
// too long.
std::string_view canonical_host(std::string_view host, std::array<char, kHostBytes>& buffer) {
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);  // a missing bracket leaves nothing
  } else {
    host = host.substr(0, host.rfind(':'));
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > buffer.size()) return {};
  std::ranges::transform(host, buffer.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  });
  return {buffer.data(), host.size()};
}

std::string flag_id(std::string_view tenant, std::string_view key) {
  return std::string(tenant) + '\0' + std::string(key);
}

}  // namespace

struct RouteTable::Index {
  TextMap<HostRoutes> exact_hosts;
  TextMap<HostRoutes> wildcard_hosts;  // without the "*."
  HostRoutes any_host;
  TextMap<std::vector<uint32_t>> flags;  // flag_id -> routes

  Status add(const Route& route) {
    if (route.is_flag_route()) flags[flag_id(route.tenant, route.flag)].push_back(route.index);
    if (route.hosts.empty()) return add_path(any_host, route);
    for (const std::string& host : route.hosts) {
      HostRoutes& of_host =
          host.starts_with("*.") ? wildcard_hosts[host.substr(2)] : exact_hosts[host];
      if (Status added = add_path(of_host, route); !added) return added;
    }
    return {};
  }
};

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {}
RouteTable::~RouteTable() = default;

Result<std::shared_ptr<const RouteTable>> RouteTable::build(std::vector<Route> routes) {
  const std::shared_ptr<RouteTable> table(new RouteTable(std::move(routes)));
  auto index = std::make_unique<Index>();
  for (size_t i = 0; i < table->routes_.size(); i++) {
    table->routes_[i].index = static_cast<uint32_t>(i);
    if (Status added = index->add(table->routes_[i]); !added) {
      return std::unexpected(std::move(added.error()));
    }
  }
  table->index_ = std::move(index);
  return table;
}

const Route* RouteTable::match(const RouteQuery& query) const {
  // "*" asks about the server as a whole: it is below no path but the root.
  if (!query.path.starts_with('/') && query.path != "*") return nullptr;
  const Index& index = *index_;
  if (!index.exact_hosts.empty() || !index.wildcard_hosts.empty()) {
    std::array<char, kHostBytes> buffer;
    const std::string_view host = canonical_host(query.host, buffer);
    if (const auto exact = index.exact_hosts.find(host); exact != index.exact_hosts.end()) {
      if (const Route* route = match_path(exact->second, query)) return route;
    }
    size_t dot = index.wildcard_hosts.empty() ? std::string_view::npos : host.find('.', 1);
    for (; dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
      const auto wildcard = index.wildcard_hosts.find(host.substr(dot + 1));
      if (wildcard == index.wildcard_hosts.end()) continue;
      if (const Route* route = match_path(wildcard->second, query)) return route;
    }
  }
  return match_path(index.any_host, query);
}

std::span<const uint32_t> RouteTable::routes_of_flag(std::string_view tenant,
                                                     std::string_view key) const {
  const auto found = index_->flags.find(flag_id(tenant, key));
  if (found == index_->flags.end()) return {};
  return found->second;
}

}  // namespace flagmesh::snapshot
