// Commands over the carrier (PUBLISH flagmesh:commands …): who asks for which change of which flag.
//
//   signed    = C2SP signed note by a key of engine.command_keys; its text is body LF
//   body      = canonical JSON (RFC 8785):
//               {"base_epoch":N,"change":{…},"expires":seconds,"flag":"checkout","nonce":"…","tenant":"default"}
//   unsigned  = {"flag":"checkout","rollout":{…}}, with "enabled", "kill" or "reset" instead of
//   "rollout", and optionally
//               "tenant"; accepted only with redis_commands: unsigned
//
// base_epoch: the epoch that the author saw; refused when the flag has changed since. 0: whatever
// it is now. expires: seconds since 1970, at most a day ahead. nonce: 16 to 64 letters, never used
// twice.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "control/engine/flag_store.h"
#include "merkle/signature_key.h"
#include "proxy/base/result.h"

namespace flagmesh::engine {

inline constexpr int64_t kCommandLifetime =
    24 * 60 * 60;  // seconds ahead that a command may expire
inline constexpr size_t kCommandBytes = 64 * 1024;

struct Command {
  std::string tenant;
  std::string flag;
  FlagRequest request;
  std::string author;  // "command NAME" of the key that signed, "command (unsigned)"
  // Of signed ones; an unsigned one has no nonce.
  uint64_t base_epoch = 0;
  std::string nonce = {};
  int64_t expires = 0;
};

enum class CommandPolicy : uint8_t { kSigned, kUnsigned, kOff };

// Who may command. A value.
struct CommandRules {
  CommandPolicy policy = CommandPolicy::kSigned;
  std::vector<merkle::VerifierKey> keys;
};

// What the text asks for, or why it counts for nothing. Codes: "commands_off", "too_large",
// "unsigned" (bare JSON where signatures are asked for), "bad_note", "bad_signature", "unknown_key"
// (signed, but not by one of the keys), "bad_command" (the message says what).
Result<Command> read_command(std::string_view text, const CommandRules& rules,
                             const std::string& tenant);

// The text that `flagmesh set --print-redis` writes. REQUIRES: nonce and expires are set. Codes of
// merkle::sign_text.
Result<std::string> write_command(const Command& command, const merkle::SigningKey& key);

// 32 random letters. Code "no_randomness".
Result<std::string> new_nonce();

// Nonces that were used and whose commands have not expired. One owner.
class NonceMemory {
 public:
  // More commands than this within a day are refused: "overloaded".
  static constexpr size_t kNonces = 1'000'000;

  // The command is within its time, and its nonce is new. Codes "expired", "bad_command" (expires
  // too far ahead), "replayed", "overloaded".
  Status check(const Command& command, int64_t unix_seconds);
  void remember(const std::string& nonce, int64_t expires);

 private:
  std::map<std::string, int64_t, std::less<>> nonces_;
  std::multimap<int64_t, std::string> by_expiry_;
};

}  // namespace flagmesh::engine
