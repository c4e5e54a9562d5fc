// A client's HTTP/1 connection: requests one after the other, each a stream.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/event/deferred_delete.h"
#include "proxy/event/timer.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/net/connection.h"
#include "proxy/stream/local_error.h"
#include "proxy/stream/session.h"
#include "proxy/stream/session_list.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

// Owns itself: made by start() for an accepted descriptor, deleted through the loop's deleter when the connection is over. On the worker's
// thread. An idle session has no stream and no buffer.
class H1Session final : public Session, public ListedSession, private net::ConnectionHandler {
 public:
  static void start(WorkerContext& worker, SessionList& list, const ListenerRef& listener, int fd,
                    const net::Address& peer);
  // For TLS, after its handshake: the socket is registered nowhere.
  static void start_secure(WorkerContext& worker, SessionList& list, Peer peer, int fd, std::unique_ptr<net::Transport> transport);
  ~H1Session() override;

  bool idle() const { return stream_ == nullptr && decoder_.idle(); }
  void close();

 private:
  // A client that was told goodbye may still read; what it sends is dropped meanwhile.
  static constexpr MonoMs kLingerMs = 2'000;
  static constexpr MonoMs kLingerSlowMs = 30'000;
  // A client that was idle when draining began, or that connects meanwhile.
  static constexpr uint32_t kDrainIdleMs = 1'000;

  H1Session(WorkerContext& worker, SessionList& list, Peer peer);
  void begin();

  // ListedSession
  void close_when_idle() override {
    if (idle()) close();
  }
  void expect_close() override;
  void cut_off() override;

  // net::ConnectionHandler
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;
  void on_write_ready() override;

  // Session
  const Peer& peer() const override { return peer_; }
  void send_interim(Stream& stream, const http::ResponseHead& head) override;
  void send_head(Stream& stream, http::ResponseHead& head, bool end) override;
  void send_data(Stream& stream, std::string_view data) override;
  void send_end(Stream& stream, const http::HeaderList* trailers) override;
  void start_tunnel(Stream& stream) override;
  void send_tunnel_data(Stream& stream, std::string_view data) override;
  void break_off(Stream& stream) override;
  void stream_finished(Stream& stream, bool reusable) override;
  void pause_request(Stream&) override { connection_.pause(net::Connection::kPauseBackpressure); }
  void resume_request(Stream&) override {
    connection_.resume(net::Connection::kPauseBackpressure);
    arm_for_state();
  }
  size_t waiting(const Stream&) const override { return connection_.waiting(); }

  // The client speaks HTTP/2: an H2Session has the connection from here on.
  bool is_http2(std::string_view input);
  size_t hand_over(std::string_view input);
  // False: more of it has to come, or the connection was cut.
  bool take_proxy_header(std::string_view& input);
  enum class Step : uint8_t { kGoOn, kStop };
  Step decode_step(std::string_view& input);
  void head_came(std::string_view& input);
  void refuse(const LocalError& error);
  void arm(MonoMs after);
  void arm_for_state();
  bool awaits_body() const;
  void on_timer();
  void say_goodbye(bool client_is_done);
  void lingered();
  void cut(std::string_view reason);
  bool wants_close(const Stream& stream) const;

  WorkerContext& worker_;
  SessionList& list_;
  net::Connection connection_;
  http::H1RequestDecoder decoder_;
  event::Timer timer_;
  Stream* stream_ = nullptr;
  Peer peer_;
  MonoMs opened_ms_;
  size_t left_ = 0;  // while closing: bytes that the client had not taken when the timer was set
  http::Framing response_framing_ = http::Framing::kNone;
  bool head_done_ = false;     // the current stream has its head
  bool request_done_ = false;  // and its body
  bool head_timed_ = false;    // the timer runs for a head that is under way
  bool close_after_ = false;
  bool client_closes_ = false; // it asked for the close: nothing more comes from it
  bool no_body_ = false;       // the response may not have one (HEAD)
  bool dead_ = false;          // waits for the deleter
  bool awaits_proxy_header_ = false;
  bool first_ = true;          // nothing was read yet that says which protocol it is
};

}  // namespace flagmesh::stream
