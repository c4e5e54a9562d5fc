#include "proxy/stream/local_handler.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

LocalReply::~LocalReply() {
  if (wanted()) (*stream_)->local_reply(kHandlerDropped);
}

void LocalReply::send(LocalResponse response) {
  if (!wanted()) return;
  Stream& stream = **stream_;
  stream_.reset();
  http::HeaderList headers;
  for (const auto& [name, value] : response.headers) {
    headers.add(stream.arena(), http::header_id(name), name, value);
  }
  stream.local_response(response.status, response.content_type, response.body, &headers);
}

}  // namespace flagmesh::stream
