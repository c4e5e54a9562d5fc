#include "control/redis/scripts.h"

#include <array>
#include <bit>
#include <cstdint>

namespace flagmesh::redis {

namespace {

// A claim of a later epoch, or of another epoch of that size, is in the way; so is one of the epoch
// before with another root. What is no claim at all is not.
constexpr std::string_view kReserve = R"lua(
local size = tonumber(ARGV[1])
if redis.call('TYPE', KEYS[1]).ok == 'string' then
  local is = redis.call('GET', KEYS[1])
  local s, root = string.match(is, '^(%d+) (%S+)\n')
  s = tonumber(s)
  if s and is ~= ARGV[5] then
    if s == size and root == ARGV[3] then return 'OK' end
    if s >= size then return 'RESERVED' end
    if s == size - 1 and root ~= ARGV[2] then return 'RESERVED' end
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3] .. '\n' .. ARGV[4])
return 'OK'
)lua";

// A key of another type, or a stream that is already at or past this size, is not ours: it begins
// anew.
constexpr std::string_view kPublish = R"lua(
local head = ''
if redis.call('TYPE', KEYS[1]).ok == 'string' then head = redis.call('GET', KEYS[1]) end
local is = head
if ARGV[1] == 'root' and head ~= '' then
  is = string.match(head, '^[^\n]*\n[^\n]*\n([^\n]*)\n') or '?'
end
if is ~= ARGV[2] then return 'MOVED' end
local size = tonumber(ARGV[4])
for i = 2, #KEYS do
  local delta = ARGV[6 + i]
  local type = redis.call('TYPE', KEYS[i]).ok
  if delta == '' or (type ~= 'stream' and type ~= 'none') then
    redis.call('DEL', KEYS[i])
  elseif type == 'stream' then
    local last = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
    if last and tonumber(string.match(last[1], '^%d+')) >= size then
      redis.call('DEL', KEYS[i])
    end
  end
  if delta ~= '' then
    redis.call('XADD', KEYS[i], 'MAXLEN', '~', ARGV[7], ARGV[4] .. '-0', 'd', delta)
  end
end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 'OK'
)lua";

constexpr std::string_view kRenew = R"lua(
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 'MOVED' end
local root = string.match(redis.call('GET', KEYS[1]), '^[^\n]*\n[^\n]*\n([^\n]*)\n')
if root ~= ARGV[1] then return 'MOVED' end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'OK'
)lua";

constexpr std::string_view kExpire = R"lua(
local count = 0
for i = 1, #KEYS do
  if redis.call('TTL', KEYS[i]) == -1 then count = count + redis.call('EXPIRE', KEYS[i], ARGV[1]) end
end
return count
)lua";

constexpr std::string_view kDiffer = R"lua(
local differ = {}
for i = 1, #KEYS do
  local value = redis.call('TYPE', KEYS[i]).ok == 'string' and redis.call('GET', KEYS[i])
  if not value or redis.call('TTL', KEYS[i]) ~= -1 or redis.sha1hex(value) ~= ARGV[i] then
    differ[#differ + 1] = i
  end
end
return differ
)lua";

}  // namespace

std::string sha1_hex(std::string_view text) {
  std::array<uint32_t, 5> state{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  std::string padded(text);
  padded += '\x80';
  padded.resize((padded.size() + 8 + 63) / 64 * 64 - 8, '\0');
  for (int shift = 56; shift >= 0; shift -= 8) {
    padded += static_cast<char>(uint64_t{text.size()} * 8 >> shift);
  }
  for (size_t block = 0; block < padded.size(); block += 64) {
    std::array<uint32_t, 80> w;
    for (size_t i = 0; i < 16; i++) {
      w[i] = 0;
      for (size_t j = 0; j < 4; j++) {
        w[i] = w[i] << 8 | static_cast<uint8_t>(padded[block + i * 4 + j]);
      }
    }
    for (size_t i = 16; i < 80; i++) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = state;
    for (size_t i = 0; i < 80; i++) {
      uint32_t mixed = 0;
      if (i < 20) {
        mixed = ((b & c) | (~b & d)) + 0x5A827999;
      } else if (i < 40) {
        mixed = (b ^ c ^ d) + 0x6ED9EBA1;
      } else if (i < 60) {
        mixed = ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
      } else {
        mixed = (b ^ c ^ d) + 0xCA62C1D6;
      }
      const uint32_t next = std::rotl(a, 5) + mixed + e + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
  }
  std::string hex;
  for (const uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) hex += "0123456789abcdef"[word >> shift & 15];
  }
  return hex;
}

Script::Script(std::string_view text) : text_(text), sha_(sha1_hex(text)) {}

const Script& reserve_script() {
  static const Script script(kReserve);
  return script;
}

const Script& publish_script() {
  static const Script script(kPublish);
  return script;
}

const Script& renew_script() {
  static const Script script(kRenew);
  return script;
}

const Script& differ_script() {
  static const Script script(kDiffer);
  return script;
}

const Script& expire_script() {
  static const Script script(kExpire);
  return script;
}

}  // namespace flagmesh::redis
