// Max-Forwards of OPTIONS and TRACE (RFC 9110 §7.6.2): a request that asks about the way, not about
// its end.
#pragma once

namespace flagmesh::stream {

class Stream;

// REQUIRES: the request has a Max-Forwards field. True: it may go no further and was answered here
// (0: as its last recipient would; malformed: 400). Otherwise the field was made one less, and that
// of other methods means nothing.
bool answered_by_max_forwards(Stream& stream);

}  // namespace flagmesh::stream
