// One request on its way to a container: attempts, retries, and the bytes in both directions.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/buffer.h"
#include "proxy/event/timer.h"
#include "proxy/stream/local_error.h"
#include "proxy/stream/route_decision.h"
#include "proxy/upstream/upstream_request.h"

namespace flagmesh::stream {

class Stream;

// The forwarder's part of a stream; lives in it and is reset with it.
//
//   kIdle -> kWaiting -> kSent -> kResponding -> kIdle      kWaiting: no connection yet (connecting or queued)
//              ^           |          |                     kSent: head (and body so far) sent, no response head
//              +-- retry --+          +-> kTunnel           kResponding: the client has the head, no retry any more
class Forward final : public upstream::UpstreamRequest {
 public:
  explicit Forward(Stream& stream);

  // The circuit breaker's filter admitted the decision's current candidate; the place is given back by reset() or with the candidate.
  void set_admitted(upstream::Container& container, bool is_trial);

  void start(bool request_ended);
  void request_data(std::string_view data);
  void request_ended();
  void client_drained();
  void tunnel_data(std::string_view data);
  // Ends a tunnel or a response in `grace` ms: its user's variant is another one now.
  void end_after(MonoMs grace);
  // Ends whatever is going on, without an answer; what the log asks for stays.
  void give_up();
  // The same, and forgets everything: for the next request.
  void reset();

  uint32_t attempts() const { return attempts_; }
  // The endpoint of the last attempt, for the log; empty without one.
  std::string_view endpoint_name() const { return endpoint_name_; }

 private:
  // A container that was told of the end may say its last words.
  static constexpr MonoMs kLastWordsMs = 2'000;

  enum class State : uint8_t { kIdle, kWaiting, kSent, kResponding, kTunnel };

  void on_connecting(upstream::UpstreamChannel& connection) override { use(&connection); }
  void on_ready(upstream::UpstreamChannel& connection) override;
  void on_interim(const http::ResponseHead& head) override;
  void on_head(http::ResponseHead& head) override;
  void on_data(std::string_view data) override;
  void on_trailers(http::HeaderList& trailers) override;
  void on_end() override;
  void on_failure(upstream::Failure failure) override;
  void on_write_ready() override;
  void on_tunnel_data(std::string_view data) override;
  Arena& arena() override;

  void attempt(const upstream::Endpoint* avoid, bool fresh);
  void use(upstream::UpstreamChannel* connection);
  void send();
  void prepare_websocket(http::RequestHead& request);
  void answer_websocket(http::ResponseHead& head);
  void keep_grpc_deadline();
  void end_grpc_call();
  bool may_be_sent_again() const;
  void keep_for_replay(std::string_view data);
  void pause_request();
  void pause_response_if_full();
  void arm_timer();
  void on_timer();
  void end_for_change();
  void drop_attempt();
  // Every byte so far can be sent again, and doing so is safe for this method.
  bool may_send_again(bool nothing_sent) const;
  // Tries again if the policy, the method and the limits allow; false: answer the client.
  bool retry(uint8_t cause, bool nothing_sent);
  bool retry_next_candidate();
  bool retry_same_container(const upstream::Endpoint* avoid);
  bool admit_from(uint8_t candidate);
  void record(bool success);
  void release_admission();
  void fail(const LocalError& error);

  Stream& stream_;
  event::Timer timer_;
  Buffer replay_;        // body bytes so far, while another attempt may need them
  MonoMs deadline_ = 0;  // Route::timeout; 0: none
  upstream::UpstreamChannel* connection_ = nullptr;  // connecting or in use
  upstream::Endpoint* endpoint_ = nullptr;              // of the attempt; null while queued
  upstream::Container* admitted_ = nullptr;             // holds a place behind its circuit breaker
  std::string_view endpoint_name_;                      // in the arena
  std::string_view nominated_;                          // options of the response's Connection fields
  uint32_t attempts_ = 0;
  State state_ = State::kIdle;
  bool trial_ = false;
  bool retrying_ = false;  // holds a place under max_retries of `admitted_`
  uint8_t resent_unprocessed_ = 0;
  bool resent_stale_ = false;
  bool grpc_deadline_ = false;  // deadline_ is the caller's: it holds behind the answer's head, too
  bool replayable_ = true;  // replay_ has every body byte so far
  bool request_ended_ = false;
  bool changed_ = false;  // end_after() was told
  bool request_paused_ = false;
  bool response_paused_ = false;
};

}  // namespace flagmesh::stream
