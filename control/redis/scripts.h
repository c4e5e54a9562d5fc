// The Lua scripts that move what others look at: each compares and changes in one step. Internal to
// control/redis.
//
// They are sent with EVAL: each is under a kilobyte, next to a delta that is as long, and Redis
// keeps the compiled form by the text. So there is no cache that a restarted Redis would have lost.
#pragma once

#include <string_view>

namespace flagmesh::redis {

// KEYS: reserved. ARGV: size, previous root, root. "OK" or "RESERVED".
extern const std::string_view kReserveScript;

// KEYS: head, then the deltas stream of each tenant. ARGV: "root" or "text", the root or the whole
// text that is expected ("": none), head, size, channel, message, deltas to keep, then the delta of
// each tenant ("": its stream begins anew). "OK" or "MOVED".
extern const std::string_view kPublishScript;

// KEYS: head. ARGV: expected root, head, channel, message. "OK" or "MOVED".
extern const std::string_view kRenewScript;

}  // namespace flagmesh::redis
