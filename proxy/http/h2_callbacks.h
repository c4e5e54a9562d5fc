// What nghttp2 calls, and how it is set up. Internal to the codec.
#pragma once

struct nghttp2_option;
struct nghttp2_session_callbacks;

namespace flagmesh::http {

// Made on first use and shared by all connections of the process; never changed. Null when there
// was no memory for them.
const nghttp2_session_callbacks* h2_callbacks();
const nghttp2_option* h2_options();

}  // namespace flagmesh::http
