#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/config.h"
#include "tests/control/config/mistakes.h"

namespace flagmesh::config {

namespace {

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
                          "rediss://u:hunter2@", "redis://u:hunter2@h:1/x", "redis://hunter2@h",
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
        Mistake{base("    - { path: /c, container: c }\n", "    c: { endpoints: [\"h:1\"], @@protocol: auto }\n", "", ""),
                "'protocol' in container 'c': auto is decided in TLS's handshake, and there is no tls", "http2"},
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
  EXPECT_EQ(parsed.diagnostics[1].message, "a router does not read flag files in this build");
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
