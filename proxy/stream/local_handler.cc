#include "proxy/stream/local_handler.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

// Output borrows a large body until the callback ends; this keeps it to the end of the turn.
struct SentBody final : event::DeferredDeletable {
  explicit SentBody(std::string text) : bytes(std::move(text)) {}
  const std::string bytes;
};

}  // namespace

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
  auto body = std::make_unique<SentBody>(std::move(response.body));
  const std::string_view bytes = body->bytes;
  stream.worker().io.loop().deleter().push(std::move(body));
  stream.local_response(response.status, response.content_type, bytes, &headers);
}

}  // namespace flagmesh::stream
