// Where OpenSSL's memory comes from.
#pragma once

namespace flagmesh::net {

// A connection that is idle holds no record's buffer, so OpenSSL asks for one, and for some small things, again and again: with each read
// and each write of TLS. From here on each thread keeps what it gave back of those few sizes and hands it out again, so that a request asks
// nothing of the heap. Call it first of all in main(); too late it does nothing, nor with sanitizers, which watch the heap themselves.
void keep_tls_memory();

}  // namespace flagmesh::net
