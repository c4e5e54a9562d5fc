#include "control/config/parse_roles.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

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
        Mistake{top("redis: { url: @@localhost }"), "the Redis URL does not begin with redis://, rediss:// or unix:",
                "redis://HOST"},
        Mistake{top("redis: { url: \"redis://h\", @@tls: { ca: x } }"),
                "'tls' in redis, but its url is not rediss://", "rediss://"},
        Mistake{top("redis: { url: \"rediss://h\", tls: @@{ ca: x, cert: y } }"),
                "'tls' of redis needs both 'cert' and 'key', or none", ""},
        Mistake{top("redis: { sentinels: [@@\"h\"], sentinel_master: m }"),
                "'h' is no place of a sentinel", "HOST:PORT"},
        Mistake{top("redis: { sentinels: [\"h:1\", @@\"h:1\"], sentinel_master: m }"),
                "'h:1' is listed twice", ""},
        Mistake{top("redis: { @@sentinel_master: m }"), "redis has no 'sentinels'", "write both"},
        Mistake{top("redis: { url: @@\"redis://h:x\" }"),
                "the Redis URL has no valid host and port", ""},
        Mistake{top("redis: { url: @@\"redis://h/zero\" }"),
                "the database in the Redis URL is no number", ""},
        Mistake{top("redis: { @@sentinels: [\"h:1\"] }"), "redis has no 'sentinel_master'",
                "write both"},
        Mistake{top("redis: { prefix: @@\"a b\" }"), "'a b' is no prefix for keys", ""},
        Mistake{top("engine: { state_dir: x, rate_limit: @@-1 }"),
                "'rate_limit' in engine must be a whole number from 0 to 1000000", ""},
        Mistake{top("engine: { redis_commands: @@on }"),
                "'redis_commands' in engine cannot be 'on'", "signed, unsigned or off"},
        Mistake{top("engine: { address: @@8071 }"),
                "'address' in engine must be text, not a number", ""},
        Mistake{top("engine: @@{ lock_file: flags.lock }"),
                "'lock_file' is nothing without 'require_lock'", "approvers"},
        Mistake{top("engine: { @@require_approvals: 1 }"),
                "'require_approvals' in engine is nothing without 'require_lock'", "approvers"},
        Mistake{top("engine: { witnesses: [@@{ url: \"https://w\" }] }"),
                "a witness needs a 'url' that begins with http://", "TLS"},
        Mistake{top("engine: { witnesses: [@@{ url: \"http://w\" }] }"),
                "a witness needs its 'key': a cosignature/v1 verifier key", "NAME+ID+KEY"},
        Mistake{top("validator: @@{ }"), "the validator has no 'signing_key'", "keygen"},
        Mistake{top("validator: { signing_key: k, policy: { max_share_moved: { percent: @@101 } } }"),
                "'percent' in 'max_share_moved' in policy must be a whole number from 0 to 100", ""},
        Mistake{top("validator: { signing_key: k, policy: { allowed_hours: [@@weekdays] } }"),
                "'weekdays' are no hours", "mon-fri 08:00-18:00"},
        Mistake{top("validator: { signing_key: k, policy: { frozen_flags: [a, @@a] } }"),
                "'a' is listed twice", ""},
        Mistake{top("validator: { signing_key: k, policy: { kill: @@never } }"),
                "'kill' in policy cannot be 'never'", "default or any"},
        Mistake{top("validator: { signing_key: k, witness_logs: [@@{ origin: o }] }"),
                "a witnessed log needs its 'origin' and 'keys'", "origin"},
        Mistake{top("admin: @@none"), "admin must be a mapping, not text", ""},
        Mistake{top("admin: { address: @@\"*:1\" }"),
                "'address' in admin: '*' is no host name and no IP address", ""},
        Mistake{top("log: { level: @@verbose }"), "'level' in log cannot be 'verbose'",
                "debug, info, warn or error"},
        Mistake{top("log: { format: @@xml }"), "'format' in log cannot be 'xml'", "json or text"}));

}  // namespace
}  // namespace flagmesh::config
