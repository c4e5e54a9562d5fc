#include <algorithm>
#include <cstdlib>

#include "control/config/config.h"
#include "control/config/object_reader.h"
#include "control/config/parse_proxy.h"
#include "control/config/parse_roles.h"
#include "control/flags/yaml.h"

namespace flagmesh::config {

using flags::JsonValue;

namespace {

// 5,000 routes are about 1 MiB.
constexpr flags::ReadLimits kLimits = {
    .bytes = 16 * 1024 * 1024, .depth = 16, .nodes = 1024 * 1024, .alias_nodes = 10'000};

constexpr const char* kMakeKeys =
    "make keys with flagmesh keygen, or say trust: { policy: unsigned } for local play";

void check_keys(Report& report, flags::Mark mark, const TrustConfig& trust) {
  if (trust.origin.empty()) {
    report.error(mark, "trust has no 'origin', and policy signed needs one", kMakeKeys);
  }
  const auto engines = static_cast<size_t>(std::ranges::count(
      trust.engine_keys, merkle::SignatureType::kEd25519, &merkle::VerifierKey::type));
  if (trust.require_engine > engines) {
    report.error(mark,
                 "trust requires " + std::to_string(trust.require_engine) +
                     " engine keys and has " + std::to_string(engines),
                 kMakeKeys);
  }
  if (trust.require_validator > trust.validator_keys.size()) {
    report.error(mark,
                 "trust requires " + std::to_string(trust.require_validator) +
                     " validator keys and has " + std::to_string(trust.validator_keys.size()),
                 "add keys or require fewer");
  }
}

// A witness's cosignature counts where its key is pinned, and nowhere else.
void check_witnesses(Report& report, ObjectReader& root, const Config& config) {
  if (!config.engine) return;
  for (const WitnessConfig& witness : config.engine->witnesses) {
    const auto& pinned = config.trust.validator_keys;
    if (std::ranges::find(pinned, witness.key) != pinned.end()) continue;
    report.error(root.name_mark("engine"),
                 "the witness " + in_quotes(witness.key.name()) +
                     " is not among trust.keys.validator: its cosignature counts nowhere",
                 "add its key there");
  }
}

// One public key, one role (DESIGN.md, "A router accepts a head only if").
void check_roles(Report& report, ObjectReader& root, const Config& config) {
  struct Holder {
    const merkle::VerifierKey* key;
    const char* role;
    const char* section;
  };
  std::vector<Holder> holders;
  const auto add = [&](const auto& keys, const char* role, const char* section) {
    for (const merkle::VerifierKey& key : keys) holders.push_back({&key, role, section});
  };
  add(config.trust.engine_keys, "engine", "trust");
  add(config.trust.validator_keys, "validator", "trust");
  if (config.engine) {
    add(config.engine->command_keys, "command", "engine");
    add(config.engine->require_lock.approvers, "approver", "engine");
    for (const WitnessConfig& witness : config.engine->witnesses) {
      holders.push_back({&witness.key, "validator", "engine"});  // it may be pinned as one, too
    }
  }
  if (config.validator) {
    add(config.validator->policy.require_lock.approvers, "approver", "validator");
  }
  for (size_t i = 0; i < holders.size(); i++) {
    for (size_t j = 0; j < i; j++) {
      const Holder& a = holders[j];
      const Holder& b = holders[i];
      if (a.role == b.role || a.key->public_key() != b.key->public_key()) continue;
      report.error(root.name_mark(b.section),
                   "the key of " + in_quotes(b.key->name()) + " is both " + a.role + " key and " +
                       b.role + " key",
                   "one key has one role: make another");
    }
  }
}

void check_commands(Report& report, ObjectReader& root, const Config& config) {
  if (!config.engine || config.flags.source != FlagSource::kRedis) return;
  const EngineConfig& engine = *config.engine;
  if (engine.redis_commands == RedisCommands::kUnsigned) {
    report.warning(root.name_mark("engine"), "redis_commands: unsigned",
                   "whoever reaches Redis can change flags");
  }
  if (engine.redis_commands == RedisCommands::kSigned && engine.command_keys.empty()) {
    report.warning(root.name_mark("engine"),
                   "no command_keys: every command over Redis will be refused",
                   "add a key, or say redis_commands: off");
  }
}

void take_environment(const Environment& environment, RedisConfig& redis) {
  if (std::string user = environment("FLAGMESH_REDIS_USER"); !user.empty()) {
    redis.user = std::move(user);
  }
  if (std::string password = environment("FLAGMESH_REDIS_PASSWORD"); !password.empty()) {
    redis.password = Secret(std::move(password));
  }
  redis.sentinel_user = environment("FLAGMESH_SENTINEL_USER");
  redis.sentinel_password = Secret(environment("FLAGMESH_SENTINEL_PASSWORD"));
}

// Reads a section when it is there; true when it had no mistakes.
template <class Parse>
bool read_section(Report& report, ObjectReader& root, std::string_view name, Parse parse) {
  const size_t errors = report.errors();
  if (const JsonValue* section = root.find(name)) parse(*section);
  return report.errors() == errors;
}

void read_sections(Report& report, ObjectReader& root, ParsedConfig& parsed) {
  Config& config = parsed.config;
  const auto section = [&](std::string_view name, auto parse) {
    return read_section(report, root, name, parse);
  };
  const bool flags_sound =
      section("flags", [&](const auto& value) { parse_flags(report, value, config.flags); });
  section("proxy", [&](const auto& value) {
    config.proxy = parse_proxy(report, value, config.flags.tenant, parsed.route_marks);
  });
  const bool trust_sound =
      section("trust", [&](const auto& value) { parse_trust(report, value, config.trust); });
  section("redis", [&](const auto& value) { parse_redis(report, value, config.redis); });
  const bool engine_sound = section(
      "engine", [&](const auto& value) { parse_engine(report, value, config.engine.emplace()); });
  section("validator",
          [&](const auto& value) { parse_validator(report, value, config.validator.emplace()); });
  section("admin", [&](const auto& value) { parse_admin(report, value, config.admin); });
  section("log", [&](const auto& value) { parse_log(report, value, config.log); });
  root.finish();

  // Sections against each other; one with mistakes of its own would only repeat them.
  const bool is_signed = config.trust.policy == snapshot::TrustPolicy::kSigned;
  if (trust_sound && is_signed) check_keys(report, root.name_mark("trust"), config.trust);
  if (trust_sound && is_signed && engine_sound && config.engine &&
      config.engine->signing_key.empty()) {
    report.error(root.name_mark("engine"), "the engine has no 'signing_key'", kMakeKeys);
  }
  if (flags_sound && config.proxy && config.flags.source == FlagSource::kFiles) {
    report.error(root.name_mark("flags"), "a router does not read flag files in this build",
                 "say source: redis; an engine reads the files");
  }
  if (trust_sound && engine_sound) check_roles(report, root, config);
  if (trust_sound && engine_sound) check_witnesses(report, root, config);
  if (flags_sound && engine_sound) check_commands(report, root, config);
}

}  // namespace

Environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing calls setenv
    return std::string(value == nullptr ? "" : value);
  };
}

ParsedConfig parse_config(std::string_view text, const std::string& file,
                          const Environment& environment) {
  ParsedConfig parsed;
  parsed.config.file = file;
  auto document = flags::read_document(text, file, kLimits);
  if (!document) {
    parsed.diagnostics.push_back(std::move(document.error()));
    return parsed;
  }
  Report report(file, parsed.diagnostics);
  if (document->is_null()) {
    report.error({1, 1}, "the configuration is empty", "docs/configuration.md has every key");
    return parsed;
  }
  ObjectReader root(report, *document, "the configuration");
  if (document->is_object()) read_sections(report, root, parsed);
  take_environment(environment, parsed.config.redis);
  parsed.key_files = std::move(report.key_files);
  parsed.flag_patterns = std::move(report.flag_patterns);
  parsed.tls_servers = std::move(report.tls_servers);
  parsed.tls_clients = std::move(report.tls_clients);
  std::ranges::stable_sort(parsed.diagnostics, {},
                           [](const Diagnostic& d) { return std::pair(d.line, d.column); });
  return parsed;
}

}  // namespace flagmesh::config
