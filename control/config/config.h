// The configuration file: one YAML document for every role; each role reads its part
// (docs/configuration.md).
//
// Plain values, made once by parse_config() and never changed afterwards. Defaults are those of the
// members. Every path is resolved against the folder of the configuration file. What this build
// does not have is refused by parse_config(), so that every member here has an effect.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/flags/json_value.h"
#include "control/snapshot/container_spec.h"
#include "control/snapshot/route.h"
#include "control/snapshot/snapshot.h"
#include "merkle/signature_key.h"
#include "proxy/base/diagnostic.h"
#include "proxy/limits.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/net/listener.h"
#include "proxy/net/tls_client.h"
#include "proxy/net/tls_server.h"
#include "proxy/stream/listener_settings.h"

namespace flagmesh::config {

using Millis = snapshot::Millis;

// A word that must not be shown: it has no way into a stream, a log line or a comparison by
// accident.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  // For the one place that sends it.
  const std::string& reveal() const { return value_; }

 private:
  std::string value_;
};

struct ListenerConfig {
  // "0.0.0.0:9071", "[::]:9071", "unix:/run/flagmesh.sock": what net::Address::parse takes. Port 0:
  // any free one.
  std::string address;
  net::ListenOptions socket;
  stream::ListenerSettings settings;  // without `places`
  uint32_t max_connections = 0;       // of clients, for the process; 0: none of its own
  std::optional<net::TlsServerSpec> tls;  // absent: clear text
};

// Milliseconds; 0 switches one off where it says so.
struct TimeoutsConfig {
  Millis tls_handshake = 10'000;  // of a client, from connecting to the handshake's end
  Millis connect = 2'000;  // to an endpoint, when its container does not say
  Millis request_header =
      10'000;  // first byte of a request to the end of its head: slow senders are cut
  Millis request_body = 30'000;     // silence while a request body is awaited
  Millis response_header = 60'000;  // Route::timeout of routes that do not say; 0: none
  Millis stream_idle =
      300'000;  // silence in both directions while a response or a tunnel is open; 0: none
  Millis connection_idle = 75'000;  // a client's connection between two requests
  Millis max_connection_age =
      0;  // then a client's connection is closed after its current request; 0: none
};

// OpenFeature Remote Evaluation Protocol: on routes with `handler: ofrep`, and at the engine.
struct OfrepConfig {
  std::vector<std::string> origins = {"*"};  // of web pages that may ask; empty: none
  uint64_t bulk_evaluations = 1'000'000;     // a second, of requests for all flags; per worker
  uint32_t event_streams = 10'000;           // open at a time, per worker; 0: none
};

// What happens to WebSockets and long responses of users whose variant changed.
enum class OnChange : uint8_t { kKeep, kDrain, kClose };

// Above these, new work is refused with 503 `overloaded`; work in flight goes on.
struct LimitsConfig {
  // Clients' connections of the process; 0: `auto`, three quarters of the open files that the process may have.
  uint32_t max_connections = 0;
  // Bytes that wait in memory for slow clients and containers; 0: `auto`, a quarter of the memory.
  uint64_t buffered_bytes = 0;
  // Of each request: 431, 414 or 413 above them. `proxy.normalize_path` is here, too.
  http::H1Limits messages;
  uint32_t tls_handshakes = limits::kTlsHandshakes;  // of one worker at a time; others wait
  uint64_t max_body = 0;  // Route::max_body of routes that do not say; 0: no limit
};

struct ProxyConfig {
  uint32_t workers = 0;           // 0: `auto`, one per core that the process may use
  std::string state_dir;          // resolved; of the journal; empty: none
  std::string takeover_socket;    // resolved; empty: no successor can take over
  bool watch_file = true;         // a changed configuration file is taken over
  Millis watch_settle = 500;      // when it has not changed for so long
  OnChange on_change = OnChange::kKeep;
  LimitsConfig limits;
  Millis shutdown_delay = 5'000;  // after SIGTERM: not ready, still accepting
  Millis drain_timeout = 30'000;  // then requests in flight may finish
  TimeoutsConfig timeouts;
  OfrepConfig ofrep;
  std::string ofrep_tokens;               // file; empty: everybody may evaluate
  std::vector<ListenerConfig> listeners;  // never empty
  // In file order; Route::index is set and routes refer to containers by index.
  std::vector<snapshot::Route> routes;
  std::vector<snapshot::ContainerSpec> containers;
};

enum class FlagSource : uint8_t { kRedis, kFiles, kMemory };

struct FlagsConfig {
  FlagSource source = FlagSource::kRedis;
  std::string tenant = "default";
  std::vector<std::string> files;  // patterns; expanded by flag_files()
  std::string lock;                // of `files`, with where it was published; empty: none
  std::string tenant_secret;       // file; for `lock`, when the engine has one
};

// A public key appears once in all of these and in EngineConfig::command_keys: one key, one role.
struct TrustConfig {
  snapshot::TrustPolicy policy = snapshot::TrustPolicy::kSigned;
  std::string origin;                               // of checkpoints; never empty with kSigned
  std::vector<merkle::VerifierKey> engine_keys;     // Ed25519, or cosignature/v1 for heartbeats
  std::vector<merkle::VerifierKey> validator_keys;  // cosignature/v1
  uint32_t require_engine = 1;  // distinct keys of that role that must have signed a head
  uint32_t require_validator = 0;
  Millis max_age = 600'000;
  uint64_t min_checkpoint = 0;  // log size below which no head is accepted
};

struct RedisPlace {
  std::string host;  // name or address
  uint16_t port = 0;

  bool operator==(const RedisPlace&) const = default;
};

struct RedisConfig {
  std::string host = "127.0.0.1";  // or "unix:/PATH"
  uint16_t port = 6379;
  uint32_t database = 0;
  std::string user;  // FLAGMESH_REDIS_USER wins over the URL; empty: the default user
  Secret password;   // FLAGMESH_REDIS_PASSWORD wins over the URL
  std::string prefix = "flagmesh";
  std::optional<net::TlsClientSpec> tls;  // rediss://
  std::string tls_name;  // what its certificate must be for; empty: the host that is connected to
  // With sentinels, the master is where they say, and host and port do not count.
  std::vector<RedisPlace> sentinels;
  std::string sentinel_master;
  std::string sentinel_user;  // FLAGMESH_SENTINEL_USER
  Secret sentinel_password;   // FLAGMESH_SENTINEL_PASSWORD

  // "redis://127.0.0.1:6379/0": for logs; without user and password.
  std::string text() const;
};

enum class RedisCommands : uint8_t { kSigned, kUnsigned, kOff };

// A lock file (lockfile/lock_file.h) has to allow every epoch but a kill.
struct LockRule {
  std::vector<merkle::VerifierKey> approvers;  // kApproval; empty: no lock is asked for
  uint32_t required = 0;                       // of them, 1 to all

  bool asked_for() const { return !approvers.empty(); }
};

// A witness outside that speaks C2SP tlog-witness.
struct WitnessConfig {
  std::string url;          // "http://HOST:PORT/PREFIX": add-checkpoint is below it
  merkle::VerifierKey key;  // kCosignatureV1
};

struct EngineConfig {
  std::string address = "0.0.0.0:8071";
  std::string state_dir = "/var/lib/flagmesh-engine";
  std::string signing_key;    // file; empty only with trust.policy unsigned
  std::string tenant_secret;  // file; empty: openings are zeros, nothing is hidden
  RedisCommands redis_commands = RedisCommands::kSigned;
  std::vector<merkle::VerifierKey> command_keys;  // Ed25519; may sign commands
  OfrepConfig ofrep;
  std::string tokens;         // file; empty: changes are taken from loopback, everybody may read
  uint32_t rate_limit = 100;  // requests a second for each token; 0: none
  LockRule require_lock;
  std::string lock_file;                 // with require_lock: never empty
  std::vector<WitnessConfig> witnesses;  // are asked to cosign every head
};

// When a validator's changes may be. Minutes of the day in UTC, from `from` up to before `to`.
struct HoursConfig {
  uint8_t days = 0;  // bit 0: Monday
  uint16_t from = 0;
  uint16_t to = 24 * 60;
};

// What a validator cosigns besides being consistent. A kill is always allowed.
struct PolicyConfig {
  uint32_t max_moved_ppm = 1'000'000;  // of users, for each flag within the window
  Millis window = 3'600'000;
  std::vector<HoursConfig> hours;    // empty: always
  std::vector<std::string> frozen;   // keys of flags; "pay/*": all that begin with "pay/"
  LockRule require_lock;
  bool any_kill = false;  // a kill may give any variant, not only the default one

  bool restricts() const {
    return max_moved_ppm < 1'000'000 || !hours.empty() || !frozen.empty() ||
           require_lock.asked_for();
  }
};

// A log that the validator witnesses besides its own (C2SP tlog-witness).
struct WitnessedLogConfig {
  std::string origin;
  std::vector<merkle::VerifierKey> keys;  // kEd25519; one of them has to have signed
};

struct ValidatorConfig {
  std::string address;  // of /healthz, /readyz, /metrics, /add-checkpoint; empty: none
  std::string state_dir = "/var/lib/flagmesh-validator";
  std::string signing_key;  // file; never empty
  std::string
      tenant_secret;  // file; the engine's master, needed to recompute roots when it has one
  PolicyConfig policy;
  std::vector<WitnessedLogConfig> witnessed_logs;
};

struct AdminConfig {
  std::string address = "127.0.0.1:9901";  // empty: none (`admin: off`)
};

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kJson, kText };

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
  std::string access_log = "stdout";  // "off", "stdout" or a file
  bool redact = false;                // no targeting keys, client addresses and queries in the access log
};

struct Config {
  std::string file;                  // as the user named it
  std::optional<ProxyConfig> proxy;  // present when the file has the section; the role needs it
  FlagsConfig flags;
  TrustConfig trust;
  RedisConfig redis;
  std::optional<EngineConfig> engine;
  std::optional<ValidatorConfig> validator;
  AdminConfig admin;
  LogConfig log;
};

// Where the names of a route were written, for mistakes that only the flag files show.
struct RouteMarks {
  flags::Mark route;
  flags::Mark flag;
  std::vector<flags::Mark> serve;  // of each variant's name, as Route::serve
};

// A file that the configuration names, or a pattern for some, for checks that touch the disk.
struct NamedFile {
  std::string what;  // "'signing_key' in engine"
  std::string path;  // resolved
  flags::Mark mark;  // of the value
};

// Certificates that the configuration names, for checks that touch the disk.
template <class Spec>
struct NamedTls {
  std::string what;  // "'tls' of a listener"
  Spec spec;
  flags::Mark mark;
};

// The whole file or nothing: when has_errors(diagnostics), `config` may be shown, never used.
struct ParsedConfig {
  Config config;
  std::vector<RouteMarks> route_marks;  // as proxy->routes
  std::vector<NamedFile> key_files;
  std::vector<NamedFile> flag_patterns;  // as flags.files
  std::vector<NamedTls<net::TlsServerSpec>> tls_servers;
  std::vector<NamedTls<net::TlsClientSpec>> tls_clients;
  Diagnostics diagnostics;               // in file order
};

// Value of an environment variable; empty when it is not set.
using Environment = std::function<std::string(const char* name)>;
Environment process_environment();

// Never fails and never touches the disk: every mistake is a diagnostic with file, line, column and
// the mend, all of them in one pass (a text that is no YAML has one). `file` names the text and the
// folder that paths are relative to.
ParsedConfig parse_config(std::string_view text, const std::string& file,
                          const Environment& environment);

// Reads the file and parses it in this process's environment. A file that cannot be read is one
// error.
ParsedConfig load_config(const std::string& file);

// The files that FlagsConfig::files names now, sorted by name, each once. A pattern without a
// wildcard is kept whether or not the file exists; one that matches nothing adds nothing.
std::vector<std::string> flag_files(const FlagsConfig& flags);

// The part of a snapshot that comes from this file. REQUIRES: proxy is present and was parsed
// without errors.
Result<snapshot::Routing> make_routing(const ProxyConfig& proxy);

}  // namespace flagmesh::config
