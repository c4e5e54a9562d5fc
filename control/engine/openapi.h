// The OpenAPI 3 document of the engine's API, as it is served.
#pragma once

#include <string_view>

namespace flagmesh::engine {

std::string_view openapi_document();

}  // namespace flagmesh::engine
