// One route of the configuration: what it matches and what happens to a request that it matches.
// Plain values, immutable once they are part of a RouteTable.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/snapshot/container_spec.h"

namespace flagmesh::snapshot {

// Where the targeting key of a flag route may come from; the first source of the list that has a
// usable value wins.
enum class KeyKind : uint8_t {
  kHeader,  // request header `name` (lower case)
  kCookie,  // cookie `name` (case-sensitive)
  kQuery,   // query parameter `name` (case-sensitive, percent-decoded)
  kIp,      // the client's address as text
  kMint,    // last in the list: a new random key, set as cookie Route::mint_cookie
};

struct KeySource {
  KeyKind kind = KeyKind::kIp;
  std::string name;  // empty for kIp and kMint

  bool operator==(const KeySource&) const = default;
};

// What a flag route does while the flag's state is not proven or is older than `trust.max_age`.
enum class WhenUnproven : uint8_t {
  kLastGood,  // serve by the last proven state, marked stale; with none, the fallback
  kFallback,
  kRefuse,  // 503
};

enum class PathMatch : uint8_t {
  kPrefix,  // by whole segments: "/a" matches "/a", "/a/", "/a/b", not "/ab"; a trailing "/" of the
            // prefix is ignored
  kExact,   // byte for byte
  kRegex,   // PCRE2, found anywhere in the path unless anchored with ^ and $
};

// One header that must have this value in one of its lines, compared byte for byte.
struct HeaderMatch {
  std::string name;  // lower case
  std::string value;

  auto operator<=>(const HeaderMatch&) const = default;
};

// Bits of RetryPolicy::on.
enum RetryOn : uint8_t {
  kRetryConnectFailure = 1 << 0,  // nothing was sent: safe for every method
  kRetryReset = 1 << 1,           // the connection broke before a response head
  kRetryTimeout = 1 << 2,         // per_try_timeout passed without a response head
  kRetry502 = 1 << 3,
  kRetry503 = 1 << 4,
  kRetry504 = 1 << 5,
};

struct RetryPolicy {
  uint32_t attempts = 1;       // after the first one; 0..10
  Millis per_try_timeout = 0;  // until the response head; 0: only Route::timeout
  uint8_t on = kRetryConnectFailure;

  bool operator==(const RetryPolicy&) const = default;
};

struct WeightedContainer {
  ContainerIndex container = kNoContainer;
  uint32_t cumulative = 0;  // this weight and all before it; strictly increasing
};

// What ends the route.
enum class HandlerKind : uint8_t {
  kForward,  // to a container
  kLocal,  // answered by the process: Route::handler names one that the composition root registered
};

struct Route {
  uint32_t index = 0;  // position in the file and in RouteTable::routes()

  // --- what it matches ---
  std::vector<std::string>
      hosts;  // lower case, without port; "a.example.com" or "*.example.com"; empty: any host
  PathMatch path_match = PathMatch::kPrefix;
  std::string path = "/";
  std::vector<std::string> methods;  // upper case; empty: any. GET does not include HEAD
  std::vector<HeaderMatch> headers;  // all of them must match

  // --- where it goes: exactly one of flag, split, container, handler ---
  std::string flag;    // key; empty: not a flag route
  std::string tenant;  // of the flag
  std::vector<std::pair<std::string, ContainerIndex>>
      serve;                               // variant name -> container, in file order
  ContainerIndex fallback = kNoContainer;  // of a flag route: always set
  std::vector<KeySource> bucket_by;        // of a flag route: never empty
  std::string mint_cookie;  // name of the cookie that kMint sets; empty without kMint
  bool mint_http_only = true;  // false: scripts of a page may read it
  WhenUnproven when_unproven = WhenUnproven::kLastGood;

  std::vector<WeightedContainer> split;     // random per request, by weight
  ContainerIndex container = kNoContainer;  // plain forwarding
  HandlerKind kind = HandlerKind::kForward;
  std::string handler;  // of kLocal

  // --- how ---
  // From the moment the request head was read until the response head is there, all attempts
  // together. Bodies are bounded by the proxy's stream_idle, so that streams and WebSockets live
  // on. 0: none.
  Millis timeout = 60'000;
  RetryPolicy retries;
  uint64_t max_body = 0;  // bytes of a request body, 413 above; 0: no limit
  bool decision_headers =
      true;  // x-flagmesh-* on the response to the client (containers always get theirs)

  bool is_flag_route() const { return !flag.empty(); }
  // Weights of `split` together; 0 when there is none.
  uint32_t split_total() const { return split.empty() ? 0 : split.back().cumulative; }
  // The container of `split` for a uniformly random 32-bit number.
  // REQUIRES: !split.empty()
  ContainerIndex pick_split(uint32_t random) const;
};

// What a route matches as text, one for each of its hosts (one when it is for any host): of two
// routes with an equal key the later one is never reached there.
std::vector<std::string> match_keys(const Route& route);

}  // namespace flagmesh::snapshot
