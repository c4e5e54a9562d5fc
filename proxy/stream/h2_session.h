// A client's HTTP/2 connection: many requests at a time, each a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/event/loop.h"
#include "proxy/event/timer.h"
#include "proxy/http/h2_connection.h"
#include "proxy/net/connection.h"
#include "proxy/stream/session.h"
#include "proxy/stream/session_list.h"
#include "proxy/stream/worker_context.h"

namespace flagmesh::stream {

// Owns itself, as H1Session does. On the worker's thread.
//
// A request is a Lane: the codec's stream, and the Stream that answers it while there is one. The lane stays until the codec lets go
// of it, which may be long after the Stream has finished: what the client's windows do not let through waits here.
class H2Session final : public Session,
                        public ListedSession,
                        private net::ConnectionHandler,
                        private net::FlushTask,
                        private event::TurnTask,
                        private http::H2Events {
 public:
  // For a socket that is registered nowhere. `first`: bytes that were read from it already.
  static void start(WorkerContext& worker, SessionList& list, Peer peer, int fd,
                    std::unique_ptr<net::Transport> transport, std::string_view first);
  ~H2Session() override;

 private:
  struct Lane;
  static constexpr MonoMs kLingerMs = 2'000;
  static constexpr MonoMs kFloodLingerMs = 200;
  enum class Life : uint8_t { kOpen, kAnnounced, kLast, kEnding };

  H2Session(WorkerContext& worker, SessionList& list, Peer peer);

  // ListedSession
  void close_when_idle() override { begin_drain(); }
  void expect_close() override { begin_drain(); }
  void cut_off() override;

  // net::ConnectionHandler, FlushTask, TurnTask
  size_t on_bytes(std::string_view bytes) override;
  void on_close(net::CloseCause cause, int error) override;
  void on_write_ready() override;
  void before_flush() override;
  void on_turn() override { ask_flush(); }

  // http::H2Events
  http::H2Stream* on_begin() override;
  void on_head(http::H2Stream& stream, bool end) override;
  void on_refused(http::H2Stream& stream, bool answer) override;
  void on_data(http::H2Stream& stream, std::string_view data) override;
  void on_trailers(http::H2Stream& stream) override;
  void on_end(http::H2Stream& stream) override;
  void on_drained(http::H2Stream& stream) override;
  void on_closed(http::H2Stream& stream) override;

  // Session
  const Peer& peer() const override { return peer_; }
  void send_interim(Stream& stream, const http::ResponseHead& head) override;
  void send_head(Stream& stream, http::ResponseHead& head, bool end) override;
  void send_data(Stream& stream, std::string_view data) override;
  void send_end(Stream& stream, const http::HeaderList* trailers) override;
  void start_tunnel(Stream& stream) override;
  void send_tunnel_data(Stream& stream, std::string_view data) override { send_data(stream, data); }
  void break_off(Stream& stream) override;
  void stream_finished(Stream& stream, bool reusable) override;
  void pause_request(Stream& stream) override;
  void resume_request(Stream& stream) override;
  size_t waiting(const Stream& stream) const override;

  static Lane& lane_of(const Stream& stream);
  void ask_flush() { worker_.io.before_flush(*this); }
  void write_now();
  void tell_drained();
  void begin_drain();
  void finish_streams(std::string_view reason);
  void end_connection();
  void close();
  void arm(event::Timer& timer, MonoMs after);
  void arm_for_state();
  void on_timer();
  void arm_lane(Lane& lane);
  void on_lane_timer(Lane& lane);
  bool too_old() const;

  WorkerContext& worker_;
  SessionList& list_;
  net::Connection connection_;
  event::Timer timer_;  // of the connection: preface, header block, idle, the steps of its end
  Lane* lanes_ = nullptr;
  Peer peer_;
  MonoMs opened_ms_;
  Life life_ = Life::kOpen;
  bool block_timed_ = false;  // the timer runs for a header block, or the preface
  bool throttled_ = false;    // somebody was told that all streams together have too much waiting
  bool dead_ = false;         // waits for the deleter
  http::H2Connection codec_;
};

}  // namespace flagmesh::stream
