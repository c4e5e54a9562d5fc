#include "proxy/stream/forwarder.h"

#include "proxy/stream/stream.h"

namespace flagmesh::stream {

void Forwarder::on_head(Stream& stream, bool end) { stream.forward().start(end); }
void Forwarder::on_data(Stream& stream, std::string_view data) { stream.forward().request_data(data); }
void Forwarder::on_end(Stream& stream) { stream.forward().request_ended(); }
void Forwarder::on_abort(Stream& stream) { stream.forward().give_up(); }
void Forwarder::on_drained(Stream& stream) { stream.forward().client_drained(); }
void Forwarder::on_tunnel_data(Stream& stream, std::string_view data) { stream.forward().tunnel_data(data); }

}  // namespace flagmesh::stream
