// The section `proxy.listeners`.
#pragma once

#include <vector>

#include "control/config/config.h"
#include "control/config/object_reader.h"

namespace flagmesh::config {

// `parent` is the section `proxy`. `defaults`: what the proxy says for all of its listeners.
void parse_listeners(ObjectReader& parent, const stream::ListenerSettings& defaults,
                     std::vector<ListenerConfig>& out);

// `forwarded` and `via` of the section `proxy`.
stream::ListenerSettings parse_listener_defaults(ObjectReader& proxy);

}  // namespace flagmesh::config
