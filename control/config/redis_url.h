// `redis.url`.
#pragma once

#include <string_view>

#include "control/config/config.h"
#include "proxy/base/result.h"

namespace flagmesh::config {

// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// for TLS, or
// unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE] (also unix:/PATH); user and password may be
// percent-encoded. Sets host, port, database, user, password, and `tls` where it is asked for. Code
// "bad_value"; no message repeats the text, which may hold a password.
Status parse_redis_url(std::string_view url, RedisConfig& out);

}  // namespace flagmesh::config
