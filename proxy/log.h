// The process's own log (the access log is stream/access_log.h): one line per event on stderr, JSON or text.
#pragma once

#include "control/config/config.h"

namespace flagmesh {

void set_up_log(const config::LogConfig& log);

}  // namespace flagmesh
