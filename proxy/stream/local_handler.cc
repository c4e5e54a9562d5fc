#include "proxy/stream/local_handler.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

namespace {

// Output borrows a large body until the callback ends; this keeps it to the end of the turn.
struct SentBody final : event::DeferredDeletable {
  explicit SentBody(std::string text) : bytes(std::move(text)) {}
  const std::string bytes;
};

http::HeaderList fields_of(Stream& stream, const LocalResponse& response) {
  http::HeaderList headers;
  for (const auto& [name, value] : response.headers) {
    headers.add(stream.arena(), http::header_id(name), name, value);
  }
  return headers;
}

// The bytes stay until output that borrowed them was flushed.
std::string_view keep(Stream& stream, std::string bytes) {
  auto kept = std::make_unique<SentBody>(std::move(bytes));
  const std::string_view view = kept->bytes;
  stream.worker().io.loop().deleter().push(std::move(kept));
  return view;
}

}  // namespace

void LocalStream::send(std::string_view bytes) {
  if (!open()) return;
  Stream& stream = **stream_;
  stream.respond_data(keep(stream, std::string(bytes)));
}

size_t LocalStream::waiting() const { return open() ? (*stream_)->downstream_waiting() : 0; }

void LocalStream::end() {
  if (!open()) return;
  Stream& stream = **stream_;
  stream_.reset();
  stream.respond_end();
}

LocalReply::~LocalReply() {
  if (wanted()) (*stream_)->local_reply(kHandlerDropped);
}

void LocalReply::send(LocalResponse response) {
  if (!wanted()) return;
  Stream& stream = **stream_;
  stream_.reset();
  const http::HeaderList headers = fields_of(stream, response);
  const std::string_view bytes = keep(stream, std::move(response.body));
  stream.local_response(response.status, response.content_type, bytes, &headers);
}

LocalStream LocalReply::start(LocalResponse response) {
  if (!wanted()) return {};
  Stream& stream = **stream_;
  if (stream.request().method == http::Method::kHead) {
    send(std::move(response));
    return {};
  }
  http::ResponseHead head;
  head.status = response.status;
  head.reason = reason_phrase(response.status);
  head.body = {http::Framing::kUntilClose, 0};  // chunked for clients that know it
  head.headers = fields_of(stream, response);
  if (!response.content_type.empty()) {
    head.headers.add(stream.arena(), http::HeaderId::kContentType, response.content_type);
  }
  stream.respond(head);
  return LocalStream(std::exchange(stream_, nullptr));
}

}  // namespace flagmesh::stream
