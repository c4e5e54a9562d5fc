#include "control/config/parse_policy.h"

#include <gtest/gtest.h>

#include "tests/control/config/mistakes.h"

namespace flagmesh::config {
namespace {

TEST(ParseHours, TakesDaysAndTimes) {
  const auto text = [](const char* hours) {
    const auto parsed = parse_hours(hours);
    if (!parsed) return parsed.error().code;
    return std::to_string(parsed->days) + " " + std::to_string(parsed->from) + "-" +
           std::to_string(parsed->to);
  };
  EXPECT_EQ(text("mon-fri 08:00-18:00"), "31 480-1080");
  EXPECT_EQ(text("sat 00:00-24:00"), "32 0-1440");
  EXPECT_EQ(text("sun-mon 09:30-09:31"), "65 570-571");
  EXPECT_EQ(text("08:00-18:00"), "127 480-1080");
  for (const char* bad : {"", "mon", "mon-fri", "Mon 08:00-18:00", "mon 8:00-18:00",
                          "mon 18:00-08:00", "mon 08:00-08:00", "mon 08:60-09:00",
                          "mon 08:00-24:01", "mon  08:00-18:00", "mon 08:00-18:00 "}) {
    EXPECT_EQ(text(bad), "bad_value") << bad;
  }
}

TEST(ParsePolicy, ReadsEveryMember) {
  const auto key = merkle::SigningKey::from_seed("alice@example.com",
                                                 merkle::SignatureType::kApproval, {});
  const auto parsed = parse_config(
      "trust: { policy: unsigned }\n"
      "engine: { redis_commands: off, lock_file: flags.lock, require_lock: [\"" + key->verifier().text() + "\"] }\n"
      "validator:\n"
      "  signing_key: k\n"
      "  address: 127.0.0.1:8072\n"
      "  witness_logs: [{ origin: example.com/log, keys: [\"" + std::string(kEngineKey) + "\"] }]\n"
      "  policy:\n"
      "    max_share_moved: { percent: 10, window: 2h }\n"
      "    allowed_hours: [\"mon-fri 08:00-18:00\"]\n"
      "    frozen_flags: [checkout, \"pay/*\"]\n"
      "    require_lock: [\"" + key->verifier().text() + "\"]\n"
      "    require_approvals: 1\n"
      "    kill: any\n",
      "/etc/flagmesh.yaml", [](const char*) { return std::string(); });
  for (const Diagnostic& diagnostic : parsed.diagnostics) ADD_FAILURE() << diagnostic.text();
  const ValidatorConfig& validator = *parsed.config.validator;
  EXPECT_EQ(validator.address, "127.0.0.1:8072");
  ASSERT_EQ(validator.witnessed_logs.size(), 1u);
  EXPECT_EQ(validator.policy.max_moved_ppm, 100'000u);
  EXPECT_EQ(validator.policy.window, 7'200'000);
  EXPECT_EQ(validator.policy.hours.size(), 1u);
  EXPECT_EQ(validator.policy.frozen, (std::vector<std::string>{"checkout", "pay/*"}));
  EXPECT_EQ(validator.policy.require_lock.required, 1u);
  EXPECT_TRUE(validator.policy.any_kill);
  EXPECT_TRUE(validator.policy.restricts());
  EXPECT_EQ(parsed.config.engine->lock_file, "/etc/flags.lock");
  EXPECT_EQ(parsed.config.engine->require_lock.required, 1u);
  EXPECT_FALSE(PolicyConfig().restricts());
}

TEST(ParsePolicy, AnApproversKeyHasNoOtherRole) {
  const auto approver = merkle::SigningKey::from_seed("a", merkle::SignatureType::kApproval, {});
  const auto command = merkle::SigningKey::from_seed("b", merkle::SignatureType::kEd25519, {});
  const auto parsed = parse_config(
      "trust: { policy: unsigned }\n"
      "engine: { command_keys: [\"" + command->verifier().text() +
          "\"], lock_file: l, require_lock: [\"" + approver->verifier().text() + "\"] }\n",
      "f.yaml", [](const char*) { return std::string(); });
  ASSERT_TRUE(has_errors(parsed.diagnostics));
  EXPECT_EQ(parsed.diagnostics.front().message,
            "the key of 'a' is both command key and approver key");
}

}  // namespace
}  // namespace flagmesh::config
