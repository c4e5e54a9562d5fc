#include "control/redis/scripts.h"

namespace flagmesh::redis {

// A claim of a later epoch, or of another epoch of that size, is in the way; so is one of the epoch
// before with another root. What is no claim at all is not.
const std::string_view kReserveScript = R"lua(
local size = tonumber(ARGV[1])
if redis.call('TYPE', KEYS[1]).ok == 'string' then
  local s, root = string.match(redis.call('GET', KEYS[1]), '^(%d+) (%S+)$')
  s = tonumber(s)
  if s then
    if s == size and root == ARGV[3] then return 'OK' end
    if s >= size then return 'RESERVED' end
    if s == size - 1 and root ~= ARGV[2] then return 'RESERVED' end
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3])
return 'OK'
)lua";

// A key of another type, or a stream that is already at or past this size, is not ours: it begins
// anew.
const std::string_view kPublishScript = R"lua(
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

const std::string_view kRenewScript = R"lua(
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 'MOVED' end
local root = string.match(redis.call('GET', KEYS[1]), '^[^\n]*\n[^\n]*\n([^\n]*)\n')
if root ~= ARGV[1] then return 'MOVED' end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 'OK'
)lua";

}  // namespace flagmesh::redis
