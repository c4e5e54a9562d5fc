// The Lua scripts that move what others look at: each compares and changes in one step. Internal to
// control/redis.
//
// They are sent as EVALSHA, and with their text when Redis says NOSCRIPT: it was restarted, or has
// never seen them.
#pragma once

#include <string>
#include <string_view>

namespace flagmesh::redis {

class Script {
 public:
  explicit Script(std::string_view text);

  std::string_view text() const { return text_; }
  // SHA-1 of the text, 40 hexadecimal digits: Redis's name for it, no protection against anybody.
  const std::string& sha() const { return sha_; }

 private:
  std::string_view text_;
  std::string sha_;
};

// KEYS: reserved. ARGV: size, previous root, root, note, whole value that is replaced whatever it
// says ("": none). "OK" or "RESERVED".
const Script& reserve_script();

// KEYS: head, then the deltas stream of each tenant. ARGV: "root" or "text", the root or the whole
// text that is expected ("": none), head, size, channel, message, deltas to keep, then the delta of
// each tenant ("": its stream begins anew). "OK" or "MOVED".
const Script& publish_script();

// KEYS: head. ARGV: expected root, head, channel, message. "OK" or "MOVED".
const Script& renew_script();

// KEYS: what no head names. ARGV: seconds. Those that would stay for ever expire then; says how
// many.
const Script& expire_script();

// KEYS: strings. ARGV: the SHA-1 that each should have. The numbers, from 1, of those that differ.
const Script& differ_script();

// SHA-1 (FIPS 180-4), 40 hexadecimal digits.
std::string sha1_hex(std::string_view text);

}  // namespace flagmesh::redis
