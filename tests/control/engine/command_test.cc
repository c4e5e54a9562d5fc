#include "control/engine/command.h"

#include <gtest/gtest.h>

#include "control/engine/flag_request.h"
#include "control/flags/canonical_json.h"
#include "merkle/note.h"

namespace flagmesh::engine {
namespace {

merkle::SigningKey key(uint8_t seed) {
  merkle::Hash bytes;
  bytes.bytes.fill(seed);
  return *merkle::SigningKey::from_seed("ops.test", merkle::SignatureType::kEd25519, bytes);
}

CommandRules rules(CommandPolicy policy) {
  return {policy, {key(1).verifier()}};
}

Command command() {
  Command command{.tenant = "default", .flag = "checkout", .request = {}, .author = {}};
  command.request.rollout = flags::Weights{{"on", 50}, {"off", 50}};
  command.nonce = "0123456789abcdef";
  command.expires = 1'000'060;
  command.base_epoch = 7;
  return command;
}

TEST(Command, WhatIsWrittenIsRead) {
  for (const int change : {0, 1, 2, 3}) {
    Command written = command();
    if (change > 0) written.request = {};
    if (change == 1) written.request.enabled = false;
    if (change == 2) written.request.kill = "off";
    if (change == 3) written.request.reset = true;
    const std::string note = *write_command(written, key(1));
    const auto read = read_command(note, rules(CommandPolicy::kSigned), "default");
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->flag, "checkout");
    EXPECT_EQ(flags::canonical_json(change_json(read->request)),
              flags::canonical_json(change_json(written.request)));
    EXPECT_EQ(read->nonce, written.nonce);
    EXPECT_EQ(read->expires, written.expires);
    EXPECT_EQ(read->base_epoch, 7u);
    EXPECT_EQ(read->author, "command ops.test");
  }
}

TEST(Command, TheLastNewlineMayBeMissing) {
  std::string note = *write_command(command(), key(1));
  note.pop_back();
  EXPECT_TRUE(read_command(note, rules(CommandPolicy::kSigned), "default"));
}

TEST(Command, RefusalsHaveTheirReasons) {
  const std::string note = *write_command(command(), key(1));
  std::string altered = note;
  altered.replace(altered.find("50"), 2, "51");
  const auto signed_text = [](const std::string& text) {
    merkle::Note unsigned_note{text, {}};
    merkle::put_signature(unsigned_note, *merkle::sign_text(text, key(1), 0));
    return unsigned_note.str();
  };
  const std::string bare = R"({"flag":"checkout","rollout":{"on":1,"off":1}})";
  const struct {
    std::string text;
    CommandPolicy policy;
    const char* code;
  } kRows[] = {
      {bare, CommandPolicy::kSigned, "unsigned"},
      {bare, CommandPolicy::kOff, "commands_off"},
      {note, CommandPolicy::kOff, "commands_off"},
      {altered, CommandPolicy::kSigned, "bad_signature"},
      {*write_command(command(), key(2)), CommandPolicy::kSigned, "unknown_key"},
      {"hello", CommandPolicy::kSigned, "bad_note"},
      {"", CommandPolicy::kUnsigned, "bad_note"},
      {"{", CommandPolicy::kUnsigned, "bad_command"},
      {R"({"flag":"checkout"})", CommandPolicy::kUnsigned, "bad_command"},
      {R"({"rollout":{"on":1}})", CommandPolicy::kUnsigned, "bad_command"},
      {R"({"flag":"checkout","enabled":true,"kill":"off"})", CommandPolicy::kUnsigned,
       "bad_command"},
      {R"({"flag":"checkout","rollout":{"on":0.5}})", CommandPolicy::kUnsigned, "bad_command"},
      {R"({"flag":"checkout","kill":"off","tenant":"other"})", CommandPolicy::kUnsigned,
       "bad_command"},
      {std::string(kCommandBytes + 1, '{'), CommandPolicy::kUnsigned, "too_large"},
      {signed_text("{}\n"), CommandPolicy::kSigned, "bad_command"},
      {signed_text("{\"flag\":1}\n"), CommandPolicy::kSigned, "bad_command"},
      {signed_text(std::string(note.substr(0, note.find('\n'))) + " \n"), CommandPolicy::kSigned,
       "bad_command"},
  };
  for (const auto& row : kRows) {
    const auto read = read_command(row.text, rules(row.policy), "default");
    ASSERT_FALSE(read) << row.text;
    EXPECT_EQ(read.error().code, row.code) << row.text << ": " << read.error().text();
  }
  EXPECT_EQ(read_command(note, rules(CommandPolicy::kSigned), "other").error().code, "bad_command");
}

TEST(Command, BareJsonIsReadWhereItIsAllowed) {
  const auto read = read_command(R"( {"flag":"checkout","enabled":false,"tenant":"default"})",
                                 rules(CommandPolicy::kUnsigned), "default");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->request.enabled, false);
  EXPECT_EQ(read->author, "command (unsigned)");
}

TEST(NonceMemory, RefusesWhatIsLateEarlyOrUsed) {
  NonceMemory memory;
  Command one = command();
  EXPECT_TRUE(memory.check(one, 1'000'000));
  EXPECT_TRUE(memory.check(one, 1'000'000)) << "only what is remembered is used";
  memory.remember(one.nonce, one.expires);
  EXPECT_EQ(memory.check(one, 1'000'000).error().code, "replayed");
  EXPECT_EQ(memory.check(one, one.expires).error().code, "expired");
  EXPECT_EQ(memory.check(one, one.expires - kCommandLifetime - 1).error().code, "bad_command");
}

}  // namespace
}  // namespace flagmesh::engine
