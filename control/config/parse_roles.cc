#include "control/config/parse_roles.h"

#include <algorithm>

#include "control/config/parse_ofrep.h"
#include "control/config/parse_policy.h"
#include "control/config/redis_url.h"
#include "control/config/scalar.h"
#include "merkle/state_tree.h"

namespace flagmesh::config {

using flags::JsonValue;
using merkle::SignatureType;
using merkle::VerifierKey;

namespace {

constexpr uint32_t kMaxKeys = 100;
constexpr size_t kPrefixBytes = 64;
const JsonValue kEmptyList(JsonValue::Array{});

void check_key_type(Report& report, flags::Mark mark, const VerifierKey& key,
                    std::initializer_list<SignatureType> types, const std::string& what) {
  if (std::ranges::find(types, key.type()) != types.end()) return;
  report.error(
      mark,
      what + ": " + in_quotes(key.name()) + " is a key for " + std::string(to_string(key.type())),
      "make one with flagmesh keygen for this role");
}

}  // namespace

void parse_keys(ObjectReader& reader, std::string_view name,
                std::initializer_list<SignatureType> types, std::vector<VerifierKey>& out) {
  for (const auto& [text, mark] : reader.text_list(name)) {
    auto key = VerifierKey::parse(text);
    if (!key) {
      const bool secret = text.starts_with("PRIVATE+KEY+");
      reader.report().error(
          mark,
          reader.member(name) + (secret ? " holds a private key" : ": " + key.error().message),
          secret ? "put the verifier key here, and make a new pair: this one is no secret any more"
                 : "a verifier key looks like NAME+ID+KEY; flagmesh keygen prints it");
      continue;
    }
    check_key_type(reader.report(), mark, *key, types, reader.member(name));
    const bool twice = std::ranges::any_of(
        out, [&](const VerifierKey& other) { return other.public_key() == key->public_key(); });
    if (twice) {
      reader.report().error(
          mark, reader.member(name) + ": the key of " + in_quotes(key->name()) + " is listed twice",
          "remove one");
      continue;
    }
    out.push_back(std::move(*key));
  }
}

void parse_flags(Report& report, const JsonValue& value, FlagsConfig& out) {
  ObjectReader reader(report, value, "flags");
  reader.choice<FlagSource>("source", out.source,
                            {{"redis", FlagSource::kRedis},
                             {"files", FlagSource::kFiles},
                             {"memory", FlagSource::kMemory}});
  reader.text("tenant", out.tenant);
  if (!merkle::is_tenant_name(out.tenant)) {
    report.error(reader.find("tenant")->mark(), in_quotes(out.tenant) + " is no name for a tenant",
                 "use a-z, 0-9 and inner '-', 63 letters at most");
  }
  for (const auto& [pattern, mark] : reader.text_list("files")) {
    const std::string path = report.resolve(pattern);
    if (std::ranges::find(out.files, path) != out.files.end()) {
      report.error(mark, in_quotes(pattern) + " is listed twice", "remove one");
    } else {
      out.files.push_back(path);
      report.flag_patterns.push_back({reader.member("files"), path, mark});
    }
  }
  reader.path("lock", out.lock);
  reader.key_file("tenant_secret", out.tenant_secret);
  reader.finish();
  if (!out.lock.empty() && out.files.empty()) {
    report.error(reader.name_mark("lock"), "'lock' is of flag files, but 'files' names none",
                 "add files: [\"flags/*.yaml\"]");
  }
  if (out.source == FlagSource::kFiles && out.files.empty()) {
    report.error(reader.name_mark("source"), "flags come from files, but 'files' names none",
                 "add files: [\"flags/*.yaml\"]");
  }
}

void parse_trust(Report& report, const JsonValue& value, TrustConfig& out) {
  ObjectReader reader(report, value, "trust");
  reader.choice<snapshot::TrustPolicy>(
      "policy", out.policy,
      {{"signed", snapshot::TrustPolicy::kSigned}, {"unsigned", snapshot::TrustPolicy::kUnsigned}});
  reader.text("origin", out.origin);
  if (!out.origin.empty() && !merkle::is_key_name(out.origin)) {
    report.error(reader.find("origin")->mark(), in_quotes(out.origin) + " is no origin",
                 "no spaces and no '+', such as shop.example.com/flags");
  }
  if (const JsonValue* keys = reader.find("keys")) {
    ObjectReader roles(report, *keys, reader.member("keys"));
    parse_keys(roles, "engine", {SignatureType::kEd25519, SignatureType::kCosignatureV1},
               out.engine_keys);
    parse_keys(roles, "validator", {SignatureType::kCosignatureV1}, out.validator_keys);
    roles.finish();
  }
  if (const JsonValue* require = reader.find("require")) {
    ObjectReader roles(report, *require, reader.member("require"));
    roles.count("engine", out.require_engine, 1, kMaxKeys);
    roles.count("validator", out.require_validator, 0, kMaxKeys);
    roles.finish();
  }
  reader.duration("max_age", out.max_age, 1'000);
  reader.count("min_checkpoint", out.min_checkpoint, 0, merkle::kMaxExactInteger);
  reader.finish();
}

namespace {

void parse_redis_tls(ObjectReader& redis, RedisConfig& out) {
  const JsonValue* value = redis.find("tls");
  if (value == nullptr || !value->is_object()) return;
  ObjectReader reader(redis.report(), *value, "'tls' of redis");
  if (!out.tls) {
    reader.report().error(redis.name_mark("tls"), "'tls' in redis, but its url is not rediss://",
                          "write url: rediss://HOST:PORT/DATABASE");
  }
  net::TlsClientSpec spec = out.tls.value_or(net::TlsClientSpec());
  reader.path("ca", spec.ca);
  reader.text("server_name", out.tls_name);
  reader.path("cert", spec.cert);
  reader.path("key", spec.key);
  reader.boolean("verify", spec.verify);
  reader.finish();
  if (spec.cert.empty() != spec.key.empty()) {
    reader.report().error(value->mark(), reader.what() + " needs both 'cert' and 'key', or none");
  }
  if (!spec.verify) {
    reader.report().warning(reader.name_mark("verify"),
                            reader.what() + " does not verify: whoever answers gets the password",
                            "name the authority: ca: FILE");
  }
  if (!out.tls) return;
  reader.report().tls_clients.push_back({reader.what(), spec, value->mark()});
  out.tls = std::move(spec);
}

void parse_sentinels(ObjectReader& reader, RedisConfig& out) {
  const auto list = reader.text_list("sentinels");
  for (const auto& [text, mark] : list) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint || !endpoint->unix_path.empty()) {
      reader.report().error(mark, in_quotes(text) + " is no place of a sentinel",
                            "write HOST:PORT, like 10.0.0.1:26379");
      continue;
    }
    RedisPlace place{endpoint->host, endpoint->port};
    if (std::ranges::find(out.sentinels, place) != out.sentinels.end()) {
      reader.report().error(mark, in_quotes(text) + " is listed twice", "remove one");
    } else {
      out.sentinels.push_back(std::move(place));
    }
  }
  reader.text("sentinel_master", out.sentinel_master);
  if (list.empty() == out.sentinel_master.empty()) return;
  const char* missing = list.empty() ? "sentinels" : "sentinel_master";
  reader.report().error(
      reader.name_mark(list.empty() ? "sentinel_master" : "sentinels"),
      "redis has no " + in_quotes(missing),
      "write both: sentinels: [HOST:PORT] and sentinel_master: NAME");
}

}  // namespace

void parse_redis(Report& report, const JsonValue& value, RedisConfig& out) {
  ObjectReader reader(report, value, "redis");
  std::string url;
  reader.text("url", url);
  if (!url.empty()) {
    if (Status parsed = parse_redis_url(url, out); !parsed) {
      report.error(reader.find("url")->mark(), std::move(parsed.error()));
    }
  }
  parse_redis_tls(reader, out);
  parse_sentinels(reader, out);
  reader.text("prefix", out.prefix);
  const bool good =
      out.prefix.size() <= kPrefixBytes && std::ranges::all_of(out.prefix, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (!good) {
    report.error(reader.find("prefix")->mark(), in_quotes(out.prefix) + " is no prefix for keys",
                 "use letters, digits, '-', '_' and '.', 64 at most");
  }
  reader.finish();
}

void parse_engine(Report& report, const JsonValue& value, EngineConfig& out) {
  ObjectReader reader(report, value, "engine");
  reader.listen_address("address", out.address);
  reader.path("state_dir", out.state_dir);
  reader.key_file("signing_key", out.signing_key);
  reader.key_file("tenant_secret", out.tenant_secret);
  reader.choice<RedisCommands>("redis_commands", out.redis_commands,
                               {{"signed", RedisCommands::kSigned},
                                {"unsigned", RedisCommands::kUnsigned},
                                {"off", RedisCommands::kOff}});
  parse_keys(reader, "command_keys", {SignatureType::kEd25519}, out.command_keys);
  parse_ofrep(reader, out.ofrep, nullptr);
  reader.key_file("tokens", out.tokens);
  reader.count("rate_limit", out.rate_limit, 0, 1'000'000);
  parse_lock_rule(reader, out.require_lock);
  reader.path("lock_file", out.lock_file);
  parse_witnesses(reader, out.witnesses);
  reader.finish();
  if (out.require_lock.asked_for() != !out.lock_file.empty()) {
    report.error(value.mark(),
                 out.lock_file.empty() ? "require_lock needs a 'lock_file'"
                                       : "'lock_file' is nothing without 'require_lock'",
                 "lock_file: flags.lock, which flagmesh lock writes; require_lock: the approvers");
  }
}

void parse_validator(Report& report, const JsonValue& value, ValidatorConfig& out) {
  ObjectReader reader(report, value, "validator");
  reader.path("state_dir", out.state_dir);
  reader.key_file("signing_key", out.signing_key);
  reader.key_file("tenant_secret", out.tenant_secret);
  if (const JsonValue* policy = reader.find("policy")) parse_policy(report, *policy, out.policy);
  reader.listen_address("address", out.address);
  parse_witnessed_logs(reader, out.witnessed_logs);
  reader.finish();
  if (value.is_object() && out.signing_key.empty()) {
    report.error(value.mark(), "the validator has no 'signing_key'",
                 "make one with flagmesh keygen and name its file");
  }
}

void parse_admin(Report& report, const JsonValue& value, AdminConfig& out) {
  if (value.is_string() && value.string() == "off") {
    out.address.clear();
    return;
  }
  ObjectReader reader(report, value, "admin");
  reader.listen_address("address", out.address);
  reader.finish();
}

void parse_log(Report& report, const JsonValue& value, LogConfig& out) {
  ObjectReader reader(report, value, "log");
  reader.choice<LogLevel>("level", out.level,
                          {{"debug", LogLevel::kDebug},
                           {"info", LogLevel::kInfo},
                           {"warn", LogLevel::kWarn},
                           {"error", LogLevel::kError}});
  reader.choice<LogFormat>("format", out.format,
                           {{"json", LogFormat::kJson}, {"text", LogFormat::kText}});
  reader.text("access_log", out.access_log);
  reader.boolean("redact", out.redact);
  if (out.access_log != "off" && out.access_log != "stdout") {
    out.access_log = report.resolve(out.access_log);
  }
  reader.finish();
}

}  // namespace flagmesh::config
