// The sections `tls` of listeners and containers.
#pragma once

#include "control/config/object_reader.h"

namespace flagmesh::config {

void parse_listener_tls(ObjectReader& listener, ListenerConfig& out);

// After the endpoints.
void parse_container_tls(ObjectReader& container, snapshot::ContainerSpec& out);

}  // namespace flagmesh::config
