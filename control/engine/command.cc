#include "control/engine/command.h"

#include <algorithm>
#include <utility>

#include "control/engine/flag_request.h"
#include "control/flags/canonical_json.h"
#include "control/flags/read_json.h"
#include "merkle/encoding.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace flagmesh::engine {
namespace {

using flags::JsonValue;

constexpr flags::ReadLimits kCommandLimits{kCommandBytes, 16, 10'000, 0};
constexpr size_t kNonceMin = 16;
constexpr size_t kNonceMax = 64;

std::unexpected<Error> bad(std::string message, std::string mend = {}) {
  return fail("bad_command", std::move(message), {}, std::move(mend));
}

Result<std::string> text_member(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  if (value == nullptr || !value->is_string() || value->string().empty()) {
    return bad("the command has no text '" + std::string(name) + "'");
  }
  return value->string();
}

Result<int64_t> number_member(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.find(name);
  const auto number = value == nullptr ? std::nullopt : value->integer();
  if (!number || *number < 0) {
    return bad("the command has no whole number '" + std::string(name) + "'");
  }
  return *number;
}

// A body begins like bare JSON; what makes it a note is the signature below it.
bool is_bare_json(std::string_view text) {
  if (text.find("\n\n\xE2\x80\x94 ") != std::string_view::npos) return false;
  const size_t first = text.find_first_not_of(" \r\n\t");
  return first != std::string_view::npos && text[first] == '{';
}

Result<JsonValue> read_object(std::string_view text) {
  auto value = flags::parse_json(text, kCommandLimits);
  if (!value) return bad(value.error().message, "one JSON object");
  if (!value->is_object()) return bad("the command is no JSON object");
  return value;
}

Result<Command> read_unsigned(std::string_view text, const std::string& tenant) {
  const auto object = read_object(text);
  if (!object) return std::unexpected(object.error());
  const auto flag = text_member(*object, "flag");
  if (!flag) return std::unexpected(flag.error());
  auto request = change_request(*object, {"flag", "tenant"});
  if (!request) return bad(request.error().message, request.error().mend);
  const JsonValue* named = object->find("tenant");
  if (named != nullptr && *named != JsonValue(tenant)) {
    return bad("the command is for another tenant", "this engine has tenant '" + tenant + "'");
  }
  return Command{tenant, *flag, std::move(*request), "command (unsigned)"};
}

Result<Command> read_body(std::string_view text, const std::string& tenant) {
  const auto object = read_object(text);
  if (!object) return std::unexpected(object.error());
  if (flags::canonical_json(*object) + "\n" != text) return bad("the body is not canonical JSON");
  if (object->object().size() != 6) return bad("the body has not exactly the six members");
  Command command;
  for (auto [name, out] :
       {std::pair("tenant", &command.tenant), {"flag", &command.flag}, {"nonce", &command.nonce}}) {
    auto value = text_member(*object, name);
    if (!value) return std::unexpected(value.error());
    *out = std::move(*value);
  }
  const auto base = number_member(*object, "base_epoch");
  if (!base) return std::unexpected(base.error());
  const auto expires = number_member(*object, "expires");
  if (!expires) return std::unexpected(expires.error());
  const JsonValue* change = object->find("change");
  if (change == nullptr) return bad("the command has no 'change'");
  auto request = change_request(*change);
  if (!request) return bad(request.error().message, request.error().mend);
  if (command.tenant != tenant) {
    return bad("the command is for another tenant", "this engine has tenant '" + tenant + "'");
  }
  if (command.nonce.size() < kNonceMin || command.nonce.size() > kNonceMax) {
    return bad("the nonce has not 16 to 64 letters");
  }
  command.base_epoch = static_cast<uint64_t>(*base);
  command.expires = *expires;
  command.request = std::move(*request);
  return command;
}

}  // namespace

Result<Command> read_command(std::string_view text, const CommandRules& rules,
                             const std::string& tenant) {
  if (rules.policy == CommandPolicy::kOff) {
    return fail("commands_off", "this engine takes no commands", {}, "see engine.redis_commands");
  }
  if (text.size() > kCommandBytes) return fail("too_large", "the command is over 64 KiB");
  if (is_bare_json(text)) {
    if (rules.policy == CommandPolicy::kUnsigned) return read_unsigned(text, tenant);
    return fail("unsigned", "the command is unsigned", {},
                "sign it with flagmesh set --print-redis --key FILE");
  }
  // The shell takes the last newline of "$(flagmesh set ... --print-redis)" away.
  const std::string whole = std::string(text) + (text.ends_with('\n') ? "" : "\n");
  const auto note = merkle::Note::parse(whole, kCommandBytes + 1);
  if (!note) return std::unexpected(note.error());
  const auto verified = merkle::verify_note(*note, rules.keys);
  if (!verified) {
    if (verified.error().code != "no_known_signature") return std::unexpected(verified.error());
    return fail("unknown_key", "the command is not signed by one of engine.command_keys");
  }
  auto command = read_body(note->text, tenant);
  if (command) command->author = "command " + rules.keys[verified->front().key].name();
  return command;
}

Result<std::string> write_command(const Command& command, const merkle::SigningKey& key) {
  JsonValue::Object body;
  body.push_back({"base_epoch", static_cast<double>(command.base_epoch)});
  body.push_back({"change", change_json(command.request)});
  body.push_back({"expires", static_cast<double>(command.expires)});
  body.push_back({"flag", command.flag});
  body.push_back({"nonce", command.nonce});
  body.push_back({"tenant", command.tenant});
  merkle::Note note{flags::canonical_json(JsonValue(std::move(body))) + "\n", {}};
  auto signature = merkle::sign_text(note.text, key, 0);
  if (!signature) return std::unexpected(signature.error());
  merkle::put_signature(note, std::move(*signature));
  return note.str();
}

Result<std::string> new_nonce() {
  const auto bytes = merkle::random_bytes(16);
  if (!bytes) return std::unexpected(bytes.error());
  return merkle::hex_encode(*bytes);
}

Status NonceMemory::check(const Command& command, int64_t unix_seconds) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first < unix_seconds) {
    nonces_.erase(by_expiry_.begin()->second);
    by_expiry_.erase(by_expiry_.begin());
  }
  if (command.nonce.empty()) return {};
  if (command.expires <= unix_seconds) return fail("expired", "the command has expired");
  if (command.expires > unix_seconds + kCommandLifetime) {
    return bad("the command expires more than a day ahead");
  }
  if (nonces_.contains(command.nonce)) {
    return fail("replayed", "a command with this nonce was accepted before");
  }
  if (nonces_.size() >= kNonces) return fail("overloaded", "too many commands within a day");
  return {};
}

void NonceMemory::remember(const std::string& nonce, int64_t expires) {
  if (nonce.empty() || !nonces_.emplace(nonce, expires).second) return;
  by_expiry_.emplace(expires, nonce);
}

}  // namespace flagmesh::engine
