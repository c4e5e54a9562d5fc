// Which source of flag state a configuration asks for.
#pragma once

#include "control/config/config.h"
#include "proxy/builder.h"

namespace flagmesh {

// A factory for `flags.source`. Code "bad_source" for one that a process of this kind cannot have. With
// `takes_over` a predecessor may still have proxy.state_dir.
Result<Builder::MakeSource> state_source_for(const config::Config& config, bool takes_over);

}  // namespace flagmesh
