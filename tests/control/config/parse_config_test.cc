#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/config.h"
#include "tests/control/config/mistakes.h"

namespace flagmesh::config {

std::string base(const std::string& routes, const std::string& containers, const std::string& proxy,
                 const std::string& top, const std::string& trust) {
  return "proxy:\n"
         "  listeners: [{ address: 127.0.0.1:9071 }]\n" +
         proxy +
         "  routes:\n"
         "    - { path: /web, container: web }\n"
         "    - { path: /api, container: api }\n" +
         routes +
         "  containers:\n"
         "    web: { endpoints: [\"127.0.0.1:7003\"] }\n"
         "    api: { endpoints: [\"127.0.0.1:7004\"] }\n" +
         containers + top + trust + "\n";
}

Place take_marker(std::string& yaml) {
  const size_t at = yaml.find("@@");
  if (at == std::string::npos) return {};
  yaml.erase(at, 2);
  const std::string before = yaml.substr(0, at);
  const size_t line_start = before.rfind('\n') + 1;
  return {static_cast<uint32_t>(1 + std::ranges::count(before, '\n')),
          static_cast<uint32_t>(1 + at - line_start)};
}

namespace {

ParsedConfig parse(
    const std::string& text,
    const Environment& environment = [](const char*) { return std::string(); }) {
  return parse_config(text, "dir/f.yaml", environment);
}

std::string texts(const Diagnostics& diagnostics) {
  std::string all;
  for (const Diagnostic& d : diagnostics) all += d.text() + "\n";
  return all;
}

void expect_only(const Mistake& mistake, Severity severity) {
  std::string yaml = mistake.yaml;
  const Place place = take_marker(yaml);
  Diagnostics found = parse(yaml).diagnostics;
  std::erase_if(found, [&](const Diagnostic& d) { return d.severity != severity; });
  ASSERT_EQ(found.size(), 1u) << yaml << "\n" << texts(found);
  EXPECT_EQ(found[0].message, mistake.message) << yaml;
  EXPECT_TRUE(found[0].mend.contains(mistake.mend)) << found[0].text();
  EXPECT_EQ(std::pair(found[0].line, found[0].column), std::pair(place.line, place.column))
      << yaml << "\n"
      << found[0].text();
  EXPECT_EQ(found[0].file, "dir/f.yaml");
}

constexpr const char* kEngineKey =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

TEST(ParseConfig, TheSmallest) {
  const auto parsed = parse(base("", "", "", ""));
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  const Config& config = parsed.config;
  ASSERT_TRUE(config.proxy);
  EXPECT_FALSE(config.engine);
  EXPECT_FALSE(config.validator);
  EXPECT_EQ(config.proxy->workers, 0u);
  EXPECT_EQ(config.proxy->listeners[0].address, "127.0.0.1:9071");
  ASSERT_EQ(config.proxy->routes.size(), 2u);
  EXPECT_EQ(config.proxy->routes[0].container, 0);
  EXPECT_EQ(config.proxy->routes[1].container, 1);
  EXPECT_EQ(config.proxy->routes[1].index, 1u);
  EXPECT_EQ(config.proxy->routes[0].timeout, 60'000u);
  EXPECT_EQ(config.proxy->containers[1].endpoints[0].text(), "127.0.0.1:7004");
  EXPECT_EQ(config.proxy->containers[1].connect_timeout, 2'000u);
  EXPECT_EQ(config.redis.text(), "redis://127.0.0.1:6379/0");
  EXPECT_EQ(config.admin.address, "127.0.0.1:9901");
  EXPECT_EQ(config.log.access_log, "stdout");
  EXPECT_TRUE(make_routing(*config.proxy));
}

TEST(ParseConfig, EveryProxyKey) {
  const auto parsed = parse(R"(
proxy:
  workers: 3
  shutdown_delay: 0
  drain_timeout: 1m
  on_change: keep
  decision_headers: false
  timeouts: { connect: 1s, request_header: 5s, request_body: 6s, response_header: 7s, stream_idle: 0, connection_idle: 8s, max_connection_age: 1h }
  listeners: [{ address: "[::1]:0", proxy_protocol: false }, { address: "[::1]:0" }, { address: "unix:/run/f.sock" }]
  routes:
    - host: [Shop.example.com, "*.example.org."]
      path: { exact: /checkout }
      methods: [GET, POST]
      headers: { X-Beta: "1" }
      flag: checkout
      serve: { "on": v2, off: v1 }
      fallback: v1
      bucket_by: ["header:X-User-Id", "cookie:uid", "query:u", ip, mint]
      when_unproven: refuse
      timeout: 15s
      retries: { attempts: 2, per_try_timeout: 5s, on: [connect_failure, reset, timeout, "502", "503", "504"] }
      max_body: 10MiB
      decision_headers: true
    - { path: /split, split: { v1: 90, v2: 10 }, timeout: 0 }
    - { path: { regex: "^/u/[0-9]+$" }, container: v1 }
  containers:
    v1: { endpoints: ["127.0.0.1:7001", { address: "[::1]:7001", weight: 3 }, "unix:/run/v1.sock", "v1.svc:80"] }
    v2:
      endpoints: ["127.0.0.1:7002"]
      protocol: http1
      load_balancing: round_robin
      health_check: { path: /health, interval: 3s, timeout: 4s, unhealthy_after: 5, healthy_after: 6 }
      outlier_detection: { consecutive_errors: 7, base_ejection: 8s, max_ejection_percent: 9 }
      circuit_breaker: { max_connections: 10, max_pending: 11, max_requests: 12, max_retries: 13, error_rate: 25%, window: 14s, min_requests: 15, open_for: 16s }
      min_healthy: 1
      connect_timeout: 17s
      idle_timeout: 18s
trust: { policy: unsigned }
)");
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  const ProxyConfig& proxy = *parsed.config.proxy;
  EXPECT_EQ(proxy.workers, 3u);
  EXPECT_EQ(proxy.shutdown_delay, 0u);
  EXPECT_EQ(proxy.drain_timeout, 60'000u);
  EXPECT_EQ(proxy.timeouts.max_connection_age, 3'600'000u);
  EXPECT_EQ(proxy.listeners[2].address, "unix:/run/f.sock");
  const snapshot::Route& flag = proxy.routes[0];
  EXPECT_EQ(flag.hosts, (std::vector<std::string>{"shop.example.com", "*.example.org"}));
  EXPECT_EQ(flag.path_match, snapshot::PathMatch::kExact);
  EXPECT_EQ(flag.methods, (std::vector<std::string>{"GET", "POST"}));
  EXPECT_EQ(flag.headers, (std::vector<snapshot::HeaderMatch>{{"x-beta", "1"}}));
  EXPECT_EQ(flag.serve, (std::vector<std::pair<std::string, int32_t>>{{"on", 1}, {"off", 0}}));
  EXPECT_EQ(flag.tenant, "default");
  EXPECT_EQ(flag.fallback, 0);
  using snapshot::KeyKind;
  EXPECT_EQ(flag.bucket_by, (std::vector<snapshot::KeySource>{{KeyKind::kHeader, "x-user-id"},
                                                              {KeyKind::kCookie, "uid"},
                                                              {KeyKind::kQuery, "u"},
                                                              {KeyKind::kIp, ""},
                                                              {KeyKind::kMint, ""}}));
  EXPECT_EQ(flag.mint_cookie, "uid");
  EXPECT_EQ(flag.when_unproven, snapshot::WhenUnproven::kRefuse);
  EXPECT_EQ(flag.timeout, 15'000u);
  EXPECT_EQ(flag.retries, (snapshot::RetryPolicy{2, 5'000, 0x3f}));
  EXPECT_EQ(flag.max_body, 10u << 20);
  EXPECT_TRUE(flag.decision_headers);
  const snapshot::Route& split = proxy.routes[1];
  EXPECT_EQ(split.split_total(), 100u);
  EXPECT_EQ(split.timeout, 0u);
  EXPECT_FALSE(split.decision_headers) << "the proxy's default";
  EXPECT_EQ(proxy.containers[0].endpoints[1].weight, 3u);
  EXPECT_EQ(proxy.containers[0].connect_timeout, 1'000u) << "the proxy's default";
  const snapshot::ContainerSpec& v2 = proxy.containers[1];
  EXPECT_EQ(v2.health_check, (snapshot::HealthCheckSpec{"/health", 3'000, 4'000, 5, 6}));
  EXPECT_EQ(v2.outlier_detection, (snapshot::OutlierSpec{7, 8'000, 9}));
  EXPECT_EQ(v2.circuit_breaker,
            (snapshot::CircuitBreakerSpec{10, 11, 12, 13, 0.25, 14'000, 15, 16'000}));
  EXPECT_EQ(v2.connect_timeout, 17'000u);
  EXPECT_EQ(v2.idle_timeout, 18'000u);
  ASSERT_EQ(parsed.route_marks.size(), 3u);
  EXPECT_EQ(parsed.route_marks[0].flag.line, 15u);
  EXPECT_EQ(parsed.route_marks[0].serve[1].column, 26u);
}

TEST(ParseConfig, EveryKeyOfTheOtherRoles) {
  const auto parsed = parse(std::string(R"(
flags: { source: redis, tenant: shop, files: ["flags/*.yaml", /etc/flags.json] }
trust:
  policy: signed
  origin: shop.example.com/flags
  keys: { engine: [")") + kEngineKey +
                            R"("], validator: [] }
  require: { engine: 1, validator: 0 }
  max_age: 24h
  min_checkpoint: 12
redis: { url: "redis://me:p%40ss@[::1]:6380/3", sentinels: [], prefix: fm }
engine: { address: "127.0.0.1:8071", state_dir: state, signing_key: keys/e.key, tenant_secret: keys/t, redis_commands: off, command_keys: [], require_lock: [] }
validator: { state_dir: /v, signing_key: ../v.key }
admin: { address: 127.0.0.1:1 }
log: { level: debug, format: text, access_log: access.log }
)");
  ASSERT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
  const Config& config = parsed.config;
  EXPECT_FALSE(config.proxy);
  EXPECT_EQ(config.flags.tenant, "shop");
  EXPECT_EQ(config.flags.files, (std::vector<std::string>{"dir/flags/*.yaml", "/etc/flags.json"}));
  EXPECT_EQ(config.trust.engine_keys[0].text(), kEngineKey);
  EXPECT_EQ(config.trust.max_age, 86'400'000u);
  EXPECT_EQ(config.trust.min_checkpoint, 12u);
  EXPECT_EQ(config.redis.text(), "redis://[::1]:6380/3");
  EXPECT_EQ(config.redis.user, "me");
  EXPECT_EQ(config.redis.password.reveal(), "p@ss");
  EXPECT_EQ(config.redis.prefix, "fm");
  EXPECT_EQ(config.engine->state_dir, "dir/state");
  EXPECT_EQ(config.engine->signing_key, "dir/keys/e.key");
  EXPECT_EQ(config.engine->redis_commands, RedisCommands::kOff);
  EXPECT_EQ(config.validator->signing_key, "v.key");
  EXPECT_EQ(config.validator->state_dir, "/v");
  EXPECT_EQ(config.admin.address, "127.0.0.1:1");
  EXPECT_EQ(config.log.level, LogLevel::kDebug);
  EXPECT_EQ(config.log.format, LogFormat::kText);
  EXPECT_EQ(config.log.access_log, "dir/access.log");
  EXPECT_EQ(parsed.key_files.size(), 3u);
  EXPECT_TRUE(parse(top("admin: off")).config.admin.address.empty());
}

TEST(ParseConfig, MintReadsTheCookieThatItSets) {
  const auto keys = [](const std::string& more) {
    const auto parsed =
        parse(route("{ path: /f, flag: f, serve: { \"on\": web }, fallback: web" + more + " }"));
    EXPECT_TRUE(parsed.diagnostics.empty()) << texts(parsed.diagnostics);
    const snapshot::Route& last = parsed.config.proxy->routes.back();
    std::string text;
    for (const auto& key : last.bucket_by) text += std::to_string(int(key.kind)) + key.name + " ";
    return text + "> " + last.mint_cookie;
  };
  EXPECT_EQ(keys(""), "1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [mint]"), "1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [\"header:h\", mint]"), "0h 1flagmesh_id 4 > flagmesh_id");
  EXPECT_EQ(keys(", bucket_by: [\"cookie:a\", \"cookie:b\", mint]"), "1a 1b 4 > b");
  EXPECT_EQ(keys(", bucket_by: [\"cookie:a\"]"), "1a > ");
  EXPECT_EQ(keys(", bucket_by: [ip]"), "3 > ");
}

TEST(ParseConfig, TheEnvironmentWinsOverTheUrl) {
  const auto environment = [](const char* name) {
    return std::string(name == std::string("FLAGMESH_REDIS_PASSWORD") ? "from-environment" : "");
  };
  const auto parsed = parse(top("redis: { url: \"redis://me:in-file@h:1\" }"), environment);
  EXPECT_EQ(parsed.config.redis.user, "me");
  EXPECT_EQ(parsed.config.redis.password.reveal(), "from-environment");
  const auto absent = parse(top("log: { level: info }"), environment);
  EXPECT_EQ(absent.config.redis.password.reveal(), "from-environment");
}

TEST(ParseConfig, NoMessageRepeatsASecret) {
  for (const char* url : {"redis://u:hunter2@", "redis://u:hunter2%zz@h", "http://u:hunter2@h",
                          "rediss://u:hunter2@h", "redis://u:hunter2@h:1/x", "redis://hunter2@h",
                          "redis://u:hunter2@h:999999", "redis://u:hunter2@h:1:2"}) {
    const auto parsed = parse(top("redis: { url: \"" + std::string(url) + "\" }"));
    EXPECT_EQ(parsed.diagnostics.size(), 1u) << url;
    EXPECT_FALSE(texts(parsed.diagnostics).contains("hunter2")) << texts(parsed.diagnostics);
  }
}

TEST(ParseConfig, AllMistakesInOnePassInFileOrder) {
  const auto parsed = parse(R"(
log: { level: loud }
proxy:
  listener: []
  listeners: [{ address: here }]
  routes:
    - { path: x, container: wob }
    - { path: /b }
  containers: { web: { endpoints: [] } }
engine: { redis_comands: off }
)");
  std::string lines;
  for (const Diagnostic& d : parsed.diagnostics) {
    lines += std::to_string(d.line) + ":" + std::to_string(d.column) + " ";
  }
  EXPECT_EQ(lines, "2:1 2:1 2:15 4:3 5:26 7:15 7:29 8:7 9:17 9:35 10:11 ")
      << texts(parsed.diagnostics);
}

TEST(ParseConfig, TextThatIsNoMappingHasOneMistake) {
  for (const char* text :
       {"", "[]", "a", "{", "proxy: &a [*a]", "a: 1\na: 2", "\xff", "--- a\n--- b"}) {
    EXPECT_EQ(parse(text).diagnostics.size(), 1u) << text << "\n" << texts(parse(text).diagnostics);
  }
}

// --- one mistake each ---

class RouteMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(RouteMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

std::string flag_route(const std::string& text) {
  return route("{ path: /f, flag: f, serve: { \"on\": web }, fallback: web, " + text + " }");
}

INSTANTIATE_TEST_SUITE_P(
    , RouteMistakes,
    testing::Values(
        Mistake{route("@@5"), "route 3 must be a mapping, not a number", ""},
        Mistake{route("{ path: /x, container: web, @@methds: [GET] }"),
                "unknown key 'methds' in route 3 ('/x')", "did you mean 'methods'?"},
        Mistake{route("{ path: /x, container: web, @@weather: 1 }"),
                "unknown key 'weather' in route 3 ('/x')", "known here: host, path"},
        Mistake{route("@@{ path: /x }"), "route 3 ('/x') goes nowhere", "add container: NAME"},
        Mistake{route("{ path: /x, container: web, @@split: { web: 1 } }"),
                "route 3 ('/x') has both 'container' and 'split'", "keep one"},
        Mistake{route("{ path: /x, container: @@wob }"),
                "'container' in route 3 ('/x'): there is no container 'wob'",
                "did you mean 'web'?"},
        Mistake{route("{ path: /x, container: @@7 }"),
                "'container' in route 3 ('/x') must be text, not a number", "quotes"},
        Mistake{route("{ path: /x, container: @@\"\" }"), "'container' in route 3 ('/x') is empty",
                ""},
        Mistake{route("{ path: /x, container: web, @@fallback: api }"),
                "'fallback' in route 3 ('/x') needs a flag", "add flag: KEY"},
        Mistake{route("{ path: /x, container: web, @@serve: {} }"),
                "'serve' in route 3 ('/x') needs a flag", ""},
        Mistake{route("{ path: /x, container: web, @@bucket_by: [ip] }"),
                "'bucket_by' in route 3 ('/x') needs a flag", ""},
        Mistake{route("{ path: /x, @@flag: f, serve: { \"on\": web } }"),
                "route 3 ('/x') decides by a flag but has no 'fallback'",
                "add fallback: CONTAINER"},
        Mistake{route("{ path: /x, @@flag: f, fallback: web }"),
                "route 3 ('/x') decides by a flag but has no 'serve'", "add serve"},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: @@{} }"),
                "'serve' in route 3 ('/x') is empty", ""},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: @@[web] }"),
                "'serve' in route 3 ('/x') must be a mapping, not a list", ""},
        Mistake{route("{ path: /x, flag: f, fallback: web, serve: { \"on\": @@ap } }"),
                "variant 'on': there is no container 'ap'", "did you mean 'api'?"},
        Mistake{route("{ path: /x, flag: f, fallback: @@nowhere, serve: { \"on\": web } }"),
                "'fallback' in route 3 ('/x'): there is no container 'nowhere'",
                "write web or api"},
        Mistake{flag_route("when_unproven: @@never"),
                "'when_unproven' in route 3 ('/f') cannot be 'never'",
                "last_good, fallback or refuse"},
        Mistake{flag_route("bucket_by: @@[]"), "'bucket_by' in route 3 ('/f') is empty",
                "header:NAME"},
        Mistake{flag_route("bucket_by: @@mint"),
                "'bucket_by' in route 3 ('/f') must be a list, not text", ""},
        Mistake{flag_route("bucket_by: [@@user]"), "'user' is no source of a targeting key",
                "header:NAME"},
        Mistake{flag_route("bucket_by: [\"header:h\", @@\"header:H\"]"),
                "'header:H' is listed twice", "remove"},
        Mistake{flag_route("bucket_by: [@@mint, ip]"), "'mint' must come last", ""},
        Mistake{flag_route("bucket_by: [@@\"cookie:\"]"), "'cookie:' names no cookie",
                "cookie:NAME"},
        Mistake{flag_route("bucket_by: [@@\"header:a b\"]"), "'a b' is no name of a header", ""},
        Mistake{route("{ path: /x, split: @@{} }"),
                "'split' in route 3 ('/x') has no weight above zero", ""},
        Mistake{route("{ path: /x, split: @@{ web: 0, api: 0 } }"),
                "'split' in route 3 ('/x') has no weight above zero", "weight"},
        Mistake{route("{ path: /x, split: { web: 1, api: @@-1 } }"),
                "the weight of 'api' must be a whole number from 0 to 1000000", ""},
        Mistake{route("{ path: /x, split: { web: @@1.5 } }"),
                "the weight of 'web' must be a whole number from 0 to 1000000", ""},
        Mistake{route("{ path: /x, split: { web: 1, @@apo: 1 } }"),
                "'split' in route 3 ('/x'): there is no container 'apo'", "did you mean 'api'?"},
        Mistake{route("{ path: /x, @@handler: ofrep }"),
                "'handler' in route 3 ('/x'): this build does not have handlers on routes yet",
                "remove"},
        Mistake{route("@@{ path: /web/, container: api }"),
                "route 3 ('/web/') matches the same requests as the one in line 4",
                "never reached"}));

class MatchMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(MatchMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , MatchMistakes,
    testing::Values(
        Mistake{route("{ path: @@x, container: web }"),
                "'path' in route 3 ('x'): 'x' does not begin with '/'", "write /x"},
        Mistake{route("{ path: @@\"/x?y=1\", container: web }"),
                "'path' in route 3 ('/x?y=1'): '/x?y=1' has a query or a fragment", ""},
        Mistake{route("{ path: @@/a/../b, container: web }"),
                "'path' in route 3 ('/a/../b'): '/a/../b' is never seen: paths are compared in "
                "their normal form",
                "write /b"},
        Mistake{route("{ path: @@//x, container: web }"),
                "'path' in route 3 ('//x'): '//x' is never seen: paths are compared in their "
                "normal form",
                "write /x"},
        Mistake{route("{ path: @@/%41, container: web }"),
                "'path' in route 3 ('/%41'): '/%41' is never seen: paths are compared in their "
                "normal form",
                "write /A"},
        Mistake{route("{ path: @@\"/a b\", container: web }"),
                "'path' in route 3 ('/a b'): '/a b' is no path of a request", "%XX"},
        Mistake{route("{ path: { regex: @@\"^/(\" }, container: web }"),
                "'path' in route 3 ('^/('): regular expression, at character 4: missing closing "
                "parenthesis",
                ""},
        Mistake{route("{ path: @@{ exact: /x, regex: ^/y }, container: web }"),
                "'path' in route 3 must have one form", "exact"},
        Mistake{route("{ path: @@{}, container: web }"), "'path' in route 3 must have one form",
                ""},
        Mistake{route("{ path: { @@exat: /x, exact: /y }, container: web }"),
                "unknown key 'exat' in 'path' in route 3", "prefix"},
        Mistake{route("{ path: @@3, container: web }"),
                "'path' in route 3 must be text, not a number", ""},
        Mistake{route("{ host: @@\"a.example:80\", container: web }"),
                "'host' in route 3: 'a.example:80' has a port", "leave the port out"},
        Mistake{route("{ host: @@\"*\", container: web }"), "'host' in route 3: '*' is not needed",
                "leave 'host' out"},
        Mistake{route("{ host: @@\"a.*.example\", container: web }"),
                "'host' in route 3: 'a.*.example' is no pattern", "*.example.com"},
        Mistake{route("{ host: @@\"http://a\", container: web }"),
                "'host' in route 3: 'http://a' is a URL", ""},
        Mistake{route("{ host: @@\"a_b..c\", container: web }"),
                "'host' in route 3: 'a_b..c' is no host name", ""},
        Mistake{route("{ host: @@[], container: web }"), "'host' in route 3 is empty", ""},
        Mistake{route("{ methods: [GET, @@get], container: web }"),
                "method 'get': methods are case-sensitive", "write GET"},
        Mistake{route("{ methods: [@@\"G T\"], container: web }"), "'G T' is no method", ""},
        Mistake{route("{ methods: @@GET, container: web }"),
                "'methods' in route 3 must be a list, not text", ""},
        Mistake{route("{ methods: @@[], container: web }"), "'methods' in route 3 is empty",
                "any method"},
        Mistake{route("{ headers: { @@\"x y\": \"1\" }, container: web }"),
                "'x y' is no name of a header", ""},
        Mistake{route("{ headers: { x-beta: @@1 }, container: web }"),
                "header 'x-beta' must be text, not a number", "quotes"},
        Mistake{route("{ headers: { x-a: a, @@X-A: b }, container: web }"),
                "header 'x-a' is there twice", "case"},
        Mistake{route("{ path: /x, container: web, timeout: @@15 }"),
                "'timeout' in route 3 ('/x') has no unit", "5s"},
        Mistake{route("{ path: /x, container: web, timeout: @@15 sec }"),
                "'timeout' in route 3 ('/x'): '15 sec' is no duration", "ms, s, m or h"},
        Mistake{route("{ path: /x, container: web, timeout: @@2000h }"),
                "'timeout' in route 3 ('/x'): '2000h' is too long", "1000h"},
        Mistake{route("{ path: /x, container: web, max_body: @@1MB }"),
                "'max_body' in route 3 ('/x'): '1MB' is no size", "MiB"},
        Mistake{route("{ path: /x, container: web, max_body: @@99999999GiB }"),
                "'max_body' in route 3 ('/x'): '99999999GiB' is too large", ""},
        Mistake{route("{ path: /x, container: web, decision_headers: @@yes }"),
                "'decision_headers' in route 3 ('/x') must be true or false, not text", ""},
        Mistake{route("{ path: /x, container: web, retries: { attempts: @@11 } }"),
                "'attempts' in 'retries' in route 3 ('/x') must be a whole number from 0 to 10",
                ""},
        Mistake{route("{ path: /x, container: web, retries: { on: [@@\"500\"] } }"),
                "'500' is nothing that can be tried again", "\"502\""},
        Mistake{route("{ path: /x, container: web, retries: { on: [@@502] } }"),
                "an item of 'on' in 'retries' in route 3 ('/x') must be text, not a number",
                "quotes"},
        Mistake{route("{ path: /x, container: web, retries: { @@tries: 2 } }"),
                "unknown key 'tries' in 'retries' in route 3 ('/x')", "attempts"}));

class ProxyMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ProxyMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(
    , ProxyMistakes,
    testing::Values(
        Mistake{proxy("workers: @@0"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("workers: @@many"),
                "'workers' in proxy must be auto or a whole number from 1 to 1024", ""},
        Mistake{proxy("@@state_dir: /x"),
                "'state_dir' in proxy: this build does not have a journal of accepted state yet",
                "remove"},
        Mistake{proxy("@@on_change: drain"),
                "'on_change' in proxy: this build does not have an action for streams of a variant "
                "that changed yet",
                ""},
        Mistake{proxy("drain_timeout: @@true"),
                "'drain_timeout' in proxy must be text, not true or false", ""},
        Mistake{proxy("timeouts: { connect: @@0s }"),
                "'connect' in 'timeouts' in proxy must be from 1ms to 3600000000ms", ""},
        Mistake{proxy("timeouts: { @@conect: 1s }"), "unknown key 'conect' in 'timeouts' in proxy",
                "did you mean 'connect'?"},
        Mistake{proxy("@@route: []"), "unknown key 'route' in proxy", "known here"},
        Mistake{proxy("@@timeouts:"), "'timeouts' in proxy must be a mapping, not nothing", ""},
        Mistake{container("c: @@{ }"), "container 'c' has no endpoints", "HOST:PORT"},
        Mistake{container("c: @@[\"h:1\"]"), "container 'c' must be a mapping, not a list", ""},
        Mistake{container("@@C!: { endpoints: [\"h:1\"] }"), "'C!' is no name for a container",
                "a-z"},
        Mistake{container("c: { endpoints: @@\"h:1\" }"),
                "'endpoints' in container 'c' must be a list, not text", ""},
        Mistake{container("c: { endpoints: @@[] }"), "'endpoints' in container 'c' is empty", ""},
        Mistake{container("c: { @@endpoint: [\"h:1\"], endpoints: [\"h:1\"] }"),
                "unknown key 'endpoint' in container 'c'", ""},
        Mistake{container("c: { endpoints: [@@h] }"), "'h' has no port", "host:port"},
        Mistake{container("c: { endpoints: [@@\"http://h:80\"] }"), "'http://h:80' is a URL",
                "host:port"},
        Mistake{container("c: { endpoints: [@@\"h:http\"] }"), "'http' is no port", "1 to 65535"},
        Mistake{container("c: { endpoints: [@@\"h:0\"] }"), "'0' is no port", ""},
        Mistake{container("c: { endpoints: [@@\"h:65536\"] }"), "'65536' is no port", ""},
        Mistake{container("c: { endpoints: [@@\"::1:80\"] }"),
                "'::1:80' is not clear: which ':' begins the port?", "[::1]"},
        Mistake{container("c: { endpoints: [@@\"[::g]:80\"] }"), "'[::g]' is no IPv6 address", ""},
        Mistake{container("c: { endpoints: [@@\"300.1.1.1:80\"] }"),
                "'300.1.1.1' is no host name and no IP address", ""},
        Mistake{container("c: { endpoints: [@@\"unix:x.sock\"] }"),
                "the path of a Unix socket must begin with '/'", "unix:/run"},
        Mistake{container("c: { endpoints: [\"h:1\", @@\"h:1\"] }"),
                "endpoint 'h:1' of container 'c' is listed twice", "weight: 2"},
        Mistake{container("c: { endpoints: [@@{ weight: 2 }] }"),
                "an endpoint of container 'c' has no 'address'", "address"},
        Mistake{container("c: { endpoints: [{ address: \"h:1\", weight: @@0 }] }"),
                "'weight' in an endpoint of container 'c' must be a whole number from 1 to 65535",
                ""},
        Mistake{container("c: { endpoints: [\"h:1\"], protocol: @@http2 }"),
                "'protocol' in container 'c': this build does not have 'http2' yet", "http1"},
        Mistake{container("c: { endpoints: [\"h:1\"], load_balancing: @@maglev }"),
                "'load_balancing' in container 'c': this build does not have 'maglev' yet",
                "round_robin"},
        Mistake{container("c: { endpoints: [\"h:1\"], load_balancing: @@robin }"),
                "'load_balancing' in container 'c' cannot be 'robin'", "round_robin"},
        Mistake{container("c: { endpoints: [\"h:1\"], @@tls: { ca: x } }"),
                "'tls' in container 'c': this build does not have TLS to containers yet", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], health_check: { path: @@health } }"),
                "'path' in health_check of container 'c' must begin with '/'", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], health_check: { interval: @@1ms } }"),
                "'interval' in health_check of container 'c' must be from 100ms to 3600000000ms",
                ""},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { error_rate: @@0.5 } }"),
                "'error_rate' in circuit_breaker of container 'c' has no '%'", "50%"},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { error_rate: @@150% } }"),
                "'error_rate' in circuit_breaker of container 'c': '150%' is no percentage", ""},
        Mistake{container("c: { endpoints: [\"h:1\"], circuit_breaker: { max_requests: @@0 } }"),
                "'max_requests' in circuit_breaker of container 'c' must be a whole number from 1 "
                "to 1000000",
                ""},
        Mistake{
            container(
                "c: { endpoints: [\"h:1\"], outlier_detection: { max_ejection_percent: @@50% } }"),
            "'max_ejection_percent' in outlier_detection of container 'c' must be a whole number "
            "from 0 to 100",
            ""}));

class ListenerMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(ListenerMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

std::string listeners(const std::string& text) {
  return "proxy:\n  " + text +
         "\n  routes: [{ container: web }]\n  containers: { web: { endpoints: [\"h:1\"] } }\n"
         "trust: { policy: unsigned }\n";
}

INSTANTIATE_TEST_SUITE_P(
    , ListenerMistakes,
    testing::Values(
        Mistake{listeners("@@listeners: []"), "the proxy listens nowhere", "9071"},
        Mistake{listeners("@@workers: 1"), "the proxy listens nowhere", "listeners"},
        Mistake{listeners("listeners: [@@{ }]"), "a listener has no 'address'", "address"},
        Mistake{listeners("listeners: @@here"), "'listeners' in proxy must be a list, not text",
                ""},
        Mistake{listeners("listeners: [{ address: @@\"localhost:80\" }]"),
                "'address' in a listener: 'localhost' is a name, not an address to listen on",
                "127.0.0.1"},
        Mistake{listeners("listeners: [{ address: @@9071 }]"),
                "'address' in a listener must be text, not a number", ""},
        Mistake{listeners("listeners: [{ address: @@\"1.2.3.4\" }]"),
                "'address' in a listener: '1.2.3.4' has no port", ""},
        Mistake{
            listeners("listeners: [{ address: \"1.2.3.4:80\" }, { address: @@\"1.2.3.4:80\" }]"),
            "two listeners have the address '1.2.3.4:80'", ""},
        Mistake{listeners("listeners: [{ address: \"1.2.3.4:80\", @@tls: {} }]"),
                "'tls' in a listener: this build does not have TLS on listeners yet", ""},
        Mistake{listeners("listeners: [{ address: \"1.2.3.4:80\", @@proxy_protocol: true }]"),
                "'proxy_protocol' in a listener: this build does not have the PROXY protocol yet",
                ""}));

class RoleMistakes : public testing::TestWithParam<Mistake> {};
TEST_P(RoleMistakes, OneErrorAtItsPlace) {
  expect_only(GetParam(), Severity::kError);
}

std::string with_trust(const std::string& trust) {
  return base("", "", "", "", trust);
}
std::string with_key(const std::string& more) {
  return with_trust("trust: { origin: o, keys: { engine: [\"" + std::string(kEngineKey) +
                    "\"] }, " + more + " }");
}

INSTANTIATE_TEST_SUITE_P(
    , RoleMistakes,
    testing::Values(
        Mistake{top("@@prox: {}"), "unknown key 'prox' in the configuration",
                "known here: flags, proxy"},
        Mistake{top("@@lag: {}"), "unknown key 'lag' in the configuration", "did you mean 'log'?"},
        Mistake{top("flags: { source: @@etcd }"), "'source' in flags cannot be 'etcd'",
                "redis, files or memory"},
        Mistake{top("flags: { tenant: @@My Shop }"), "'My Shop' is no name for a tenant", "a-z"},
        Mistake{top("flags: { files: @@flags.yaml }"), "'files' in flags must be a list, not text",
                ""},
        Mistake{top("flags: { files: [a.yaml, @@./a.yaml] }"), "'./a.yaml' is listed twice", ""},
        Mistake{top("flags: { @@source: files }"), "flags come from files, but 'files' names none",
                "files"},
        Mistake{with_trust("@@trust: { keys: { engine: [\"" + std::string(kEngineKey) + "\"] } }"),
                "trust has no 'origin', and policy signed needs one", "keygen"},
        Mistake{with_trust("@@trust: { origin: o }"), "trust requires 1 engine keys and has 0",
                "unsigned"},
        Mistake{with_trust("trust: { policy: @@sined }"), "'policy' in trust cannot be 'sined'",
                "did you mean 'signed'?"},
        Mistake{with_trust("trust: { policy: unsigned, origin: @@a b }"), "'a b' is no origin", ""},
        Mistake{with_trust("trust: { origin: o, keys: { engine: [@@abc] } }"),
                "'engine' in 'keys' in trust: a key that is not name+id+base64", "NAME+ID+KEY"},
        Mistake{with_trust("trust: { origin: o, keys: { engine: [@@PRIVATE+KEY+o+00000000+AA] } }"),
                "'engine' in 'keys' in trust holds a private key", "new pair"},
        Mistake{with_trust("trust: { origin: o, keys: { engine: [\"" + std::string(kEngineKey) +
                           "\", @@\"" + kEngineKey + "\"] } }"),
                "'engine' in 'keys' in trust: the key of 'example.com/foo' is listed twice", ""},
        Mistake{with_trust("trust: { origin: o, keys: { validator: [@@\"" +
                           std::string(kEngineKey) + "\"] } }"),
                "'validator' in 'keys' in trust: 'example.com/foo' is a key for ed25519", "keygen"},
        Mistake{with_key("require: { engine: @@0 }"),
                "'engine' in 'require' in trust must be a whole number from 1 to 100", ""},
        Mistake{with_trust("@@trust: { origin: o, require: { engine: 2 }, keys: { engine: [\"" +
                           std::string(kEngineKey) + "\"] } }"),
                "trust requires 2 engine keys and has 1", ""},
        Mistake{with_trust("@@trust: { origin: o, require: { validator: 1 }, keys: { engine: [\"" +
                           std::string(kEngineKey) + "\"] } }"),
                "trust requires 1 validator keys and has 0", "fewer"},
        Mistake{with_key("max_age: @@10"), "'max_age' in trust has no unit", ""},
        Mistake{with_key("min_checkpoint: @@-1"),
                "'min_checkpoint' in trust must be a whole number from 0 to 9007199254740991", ""},
        Mistake{top("redis: { url: @@\"rediss://h:1\" }"),
                "this build does not have TLS to Redis (rediss://) yet", "redis://"},
        Mistake{top("redis: { url: @@localhost }"), "the Redis URL does not begin with redis://",
                "redis://HOST"},
        Mistake{top("redis: { url: @@\"redis://h:x\" }"),
                "the Redis URL has no valid host and port", ""},
        Mistake{top("redis: { url: @@\"redis://h/zero\" }"),
                "the database in the Redis URL is no number", ""},
        Mistake{top("redis: { @@sentinels: [\"h:1\"] }"),
                "'sentinels' in redis: this build does not have Sentinel yet", ""},
        Mistake{top("redis: { prefix: @@\"a b\" }"), "'a b' is no prefix for keys", ""},
        Mistake{top("engine: { @@tokens: t.yaml }"),
                "'tokens' in engine: this build does not have API tokens (without them the API "
                "takes changes on loopback only) yet",
                ""},
        Mistake{top("engine: { redis_commands: @@on }"),
                "'redis_commands' in engine cannot be 'on'", "signed, unsigned or off"},
        Mistake{top("engine: { address: @@8071 }"),
                "'address' in engine must be text, not a number", ""},
        Mistake{
            top("engine: { @@require_lock: [x] }"),
            "'require_lock' in engine: this build does not have locks that an epoch must match yet",
            ""},
        Mistake{top("validator: @@{ }"), "the validator has no 'signing_key'", "keygen"},
        Mistake{top("validator: { signing_key: k, @@policy: {} }"),
                "'policy' in validator: this build does not have policies of validators yet", ""},
        Mistake{top("admin: @@none"), "admin must be a mapping, not text", ""},
        Mistake{top("admin: { address: @@\"*:1\" }"),
                "'address' in admin: '*' is no host name and no IP address", ""},
        Mistake{top("log: { level: @@verbose }"), "'level' in log cannot be 'verbose'",
                "debug, info, warn or error"},
        Mistake{top("log: { format: @@xml }"), "'format' in log cannot be 'xml'", "json or text"}));

class Warnings : public testing::TestWithParam<Mistake> {};
TEST_P(Warnings, OneWarningAtItsPlace) {
  expect_only(GetParam(), Severity::kWarning);
}

INSTANTIATE_TEST_SUITE_P(
    , Warnings,
    testing::Values(
        Mistake{container("@@c: { endpoints: [\"h:1\"] }"), "no route leads to container 'c'", ""},
        Mistake{route("{ path: { regex: @@\"/x\" }, container: web }"),
                "'path' in route 3 ('/x'): '/x' is found anywhere in a path", "^"},
        Mistake{
            route("{ path: /x, container: web, timeout: 1s, retries: { @@per_try_timeout: 2s } }"),
            "'per_try_timeout' in 'retries' in route 3 ('/x') is longer than the route's timeout",
            ""},
        Mistake{top("@@engine: { redis_commands: unsigned }"), "redis_commands: unsigned",
                "can change flags"},
        Mistake{top("@@engine: { }"), "no command_keys: every command over Redis will be refused",
                "off"}));

TEST(ParseConfig, SignedNeedsAKeyForTheEngineAndRefusesFiles) {
  const auto parsed = parse(
      base("", "", "", "engine: { redis_commands: off }\nflags: { source: files, files: [a] }\n",
           "trust: { origin: o, keys: { engine: [\"" + std::string(kEngineKey) + "\"] } }"));
  ASSERT_EQ(parsed.diagnostics.size(), 2u) << texts(parsed.diagnostics);
  EXPECT_EQ(parsed.diagnostics[0].message, "the engine has no 'signing_key'");
  EXPECT_EQ(parsed.diagnostics[1].message, "flags from files are not signed in this build");
}

TEST(ParseConfig, OneKeyOneRole) {
  const auto parsed = parse(
      base("", "", "",
           "engine: { signing_key: k, command_keys: [\"" + std::string(kEngineKey) + "\"] }\n",
           "trust: { origin: o, keys: { engine: [\"" + std::string(kEngineKey) + "\"] } }"));
  ASSERT_EQ(parsed.diagnostics.size(), 1u) << texts(parsed.diagnostics);
  EXPECT_EQ(parsed.diagnostics[0].message,
            "the key of 'example.com/foo' is both engine key and command key");
}

}  // namespace
}  // namespace flagmesh::config
