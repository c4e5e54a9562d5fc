#include "proxy/stream/local_adapter.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

void LocalAdapter::on_head(Stream& stream, bool end) {
  const http::BodyFraming body = stream.request().body;
  if (body.kind == http::Framing::kLength && body.length > handler_.max_body()) {
    stream.local_reply(kBodyTooLarge);
    return;
  }
  if (end) {
    handle(stream);
  } else if (stream.request().expect_continue) {
    http::ResponseHead interim;
    interim.status = 100;
    interim.reason = reason_phrase(100);
    stream.respond_interim(interim);
  }
}

void LocalAdapter::on_data(Stream& stream, std::string_view data) {
  std::string& body = stream.local_state().body;
  if (body.size() + data.size() > handler_.max_body()) {
    stream.request_failed(kBodyTooLarge);
    return;
  }
  body.append(data);
}

void LocalAdapter::on_end(Stream& stream) { handle(stream); }

void LocalAdapter::handle(Stream& stream) {
  LocalState& state = stream.local_state();
  const Peer& peer = stream.session().peer();
  const LocalRequest request{.head = stream.request(),
                             .body = state.body,
                             .peer_ip = stream.client().ip,
                             .peer_is_loopback = peer.loopback,
                             .route = stream.decision().route};
  handler_.handle(request, LocalReply(state.handle));
}

}  // namespace flagmesh::stream
