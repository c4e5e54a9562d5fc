// `bucket_by`: where a flag route's targeting key comes from.
#pragma once

#include "control/config/object_reader.h"
#include "control/snapshot/route.h"

namespace flagmesh::config {

// The cookie that `mint` sets when the list names none.
inline constexpr std::string_view kMintCookie = "flagmesh_id";

// Sets Route::bucket_by and mint_cookie. Absent: a minted cookie of our own. A list that ends in
// `mint` and names no cookie reads kMintCookie before it mints: otherwise the key that it sets
// would never be seen again.
void parse_bucket_by(ObjectReader& reader, snapshot::Route& route);

}  // namespace flagmesh::config
