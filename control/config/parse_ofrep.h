// The section `ofrep` of the proxy and of the engine.
#pragma once

#include <string>

#include "control/config/object_reader.h"

namespace flagmesh::config {

// `tokens`: where its key `tokens` goes; null where there is none (the engine has its own).
void parse_ofrep(ObjectReader& parent, OfrepConfig& out, std::string* tokens);

}  // namespace flagmesh::config
