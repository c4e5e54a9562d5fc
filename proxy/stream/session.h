// The client's connection as a stream sees it: HTTP/1 has one stream at a time, HTTP/2 many.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/http/message.h"
#include "proxy/net/tls_info.h"
#include "proxy/stream/connection_place.h"
#include "proxy/stream/listener_settings.h"

namespace flagmesh::stream {

class Stream;

// What stands for the address of a client on a Unix socket.
inline constexpr std::string_view kUnixPeer = "unix";

// What is known about who is at the other end of the connection (or before the balancer that sent a PROXY header). Lives as long as the
// session; who a request's client is, the stream knows.
struct Peer {
  Peer(const net::Address& address, const ListenerRef& accepted_by);

  std::string ip;  // text
  // The client that a PROXY header names, instead of who sent it.
  void replace(const net::Address& client);

  ListenerRef listener;
  ConnectionPlace place;
  bool loopback = false;
  bool tls = false;
  bool believed = false;  // when it says who asked
  std::unique_ptr<const net::TlsInfo> tls_info;  // what the handshake has shown; with `tls`
};

// What a session that has many streams keeps with each of them.
struct SessionStream {};

class Session {
 public:
  virtual const Peer& peer() const = 0;
  virtual void send_interim(Stream& stream, const http::ResponseHead& head) = 0;
  // `end`: nothing follows. Fills in framing and connection fields.
  virtual void send_head(Stream& stream, http::ResponseHead& head, bool end) = 0;
  virtual void send_data(Stream& stream, std::string_view data) = 0;
  virtual void send_end(Stream& stream, const http::HeaderList* trailers) = 0;
  // After a 101 in both directions.
  virtual void start_tunnel(Stream& stream) = 0;
  virtual void send_tunnel_data(Stream& stream, std::string_view data) = 0;
  // The response cannot be completed: break so that the client sees it.
  virtual void break_off(Stream& stream) = 0;
  // The stream is over; it is released when this returns.
  virtual void stream_finished(Stream& stream, bool reusable) = 0;

  virtual void pause_request(Stream& stream) = 0;
  virtual void resume_request(Stream& stream) = 0;
  // Bytes of this stream that the client has not taken.
  virtual size_t waiting(const Stream& stream) const = 0;

 protected:
  ~Session() = default;
};

}  // namespace flagmesh::stream
