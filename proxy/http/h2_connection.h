// HTTP/2 bytes to messages and back (RFC 9113), pure: fed bytes, asked for bytes. nghttp2 does
// framing, HPACK, stream states and windows; which messages are well-formed, and what a peer may
// cost, is decided here.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "proxy/base/output.h"
#include "proxy/base/time.h"
#include "proxy/http/h1_decoder.h"
#include "proxy/http/h2_credit.h"
#include "proxy/http/h2_memory.h"
#include "proxy/http/h2_stream.h"

struct nghttp2_session;

namespace flagmesh::http {

enum class H2Role : uint8_t { kServer, kClient };

// What a connection tells its owner, inside receive() and pull(). The owner may send, reset and
// consume in each of them, but not call receive() or pull() or destroy the connection.
class H2Events {
 public:
  // Server: a request begins. Where to receive it, or null: it is refused unprocessed.
  virtual H2Stream* on_begin() { return nullptr; }
  // The head is in stream.request or stream.response. `end`: nothing follows, on_end() neither.
  virtual void on_head(H2Stream& stream, bool end) = 0;
  // Client: stream.response is a 1xx; the arena keeps it.
  virtual void on_interim(H2Stream&) {}
  // Server: stream.error says what is wrong with the head. `answer`: the stream is open for a
  // reply; else it was reset (RFC 9113 §8.1.1).
  virtual void on_refused(H2Stream&, bool /*answer*/) {}
  virtual void on_data(H2Stream& stream, std::string_view data) = 0;
  virtual void on_trailers(H2Stream& stream) = 0;
  virtual void on_end(H2Stream& stream) = 0;
  // stream.waiting() went below the low watermark, after it had been above it.
  virtual void on_drained(H2Stream& stream) = 0;
  // The last event of every stream, whole or not (see remote_ended, code, error). It may be
  // destroyed.
  virtual void on_closed(H2Stream& stream) = 0;
  // Client: the peer's settings came; peer_takes_connect() is known.
  virtual void on_settings() {}
  // Client: the peer takes no further requests.
  virtual void on_goaway() {}

 protected:
  ~H2Events() = default;
};

// Owned by a session; on one thread; `memory`, `limits` and `events` outlive it. Destroying it
// tells nobody of streams that are left.
class H2Connection {
 public:
  H2Connection(H2Role role, H2Memory& memory, const H1Limits& limits, H2Events& events, MonoMs now);
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;
  ~H2Connection();

  // Returns how many bytes were taken: fewer than there are when the callback's budget of frames
  // is used up (then show the rest on a later turn), all of them once over().
  size_t receive(std::string_view bytes, MonoMs now);

  // Appends what can be written now. Data given to send_data() is borrowed from where it was, or
  // copied if the peer's window is closed: after this nobody refers to it but `out`. True when
  // the budget ended it: ask again on a later turn.
  bool pull(Output& out);

  // Instead of pull(), when there is nowhere to write to: borrowed bytes are copied.
  void keep_fresh();

  // The connection has ended, in order or not: write what pull() gives and close. Streams that
  // are left are told by nobody.
  bool over() const;
  // Between requests: no header block is under way.
  bool in_header_block() const { return block_open_; }
  bool preface_seen() const { return settings_seen_; }
  // Why it ended; "" while it is in order.
  std::string_view reason() const { return reason_; }
  H2Code code() const { return code_; }

  // --- Sending. REQUIRES: the stream was not told closed ---
  // Client: gives the stream its id. `tls` makes :scheme. False when no further stream can be
  // opened here.
  bool send_request(H2Stream& stream, const RequestHead& head, bool tls, bool end);
  void send_interim(H2Stream& stream, const ResponseHead& head);
  // A 101 is sent as the 200 of an extended CONNECT. `keep_length`: see encode_response().
  void send_response(H2Stream& stream, const ResponseHead& head, bool keep_length, bool end);
  // Borrowed until the next pull(), which must come before the bytes go away.
  void send_data(H2Stream& stream, std::string_view data);
  void send_end(H2Stream& stream, const HeaderList* trailers);
  void reset(H2Stream& stream, H2Code code);
  // The owner destroys the stream although it was not told closed; the connection is not used any more.
  void forget(H2Stream& stream);
  // The owner has what it wants of the request: the rest is dropped as it comes, and nothing that
  // the stream points to is used any more.
  void ignore_rest(H2Stream& stream);
  // The receiver is done with so many bytes of on_data(): windows open.
  void consumed(H2Stream& stream, size_t bytes);

  // The two steps of a graceful end (RFC 9113 §6.8): the second one ends the connection when the
  // last stream has.
  void announce_shutdown();
  void shut_down();
  // At once, with GOAWAY.
  void terminate(H2Code code, std::string_view reason);

  // receive() or pull() is on the stack.
  bool calling() const { return calling_; }
  // Bytes of all streams that wait for the peer's windows.
  size_t waiting() const { return waiting_; }
  // Client: streams that the peer lets us have at a time; whether more can be opened at all.
  uint32_t peer_max_streams() const;
  bool may_open() const;
  bool peer_takes_connect() const;  // RFC 8441

 private:
  friend struct H2Callbacks;
  friend struct H2DataSource;

  void begin_block(H2Stream& stream, H2FieldReader::Kind kind);
  bool take_field(const H2Field& field);
  void head_came(H2Stream& stream, bool end);
  void request_came(H2Stream& stream, bool end);
  void response_came(H2Stream& stream, bool end);
  void trailers_came(H2Stream& stream, bool end);
  bool data_came(H2Stream& stream, std::string_view data);
  void body_ended(H2Stream& stream);
  void closed(H2Stream& stream, H2Code code);
  void fail_stream(H2Stream& stream, H1Error error);
  static constexpr unsigned kResetsPerTurn = 32;  // by the peer, in one receive()
  enum class ClosedBy : uint8_t { kBoth, kUs, kPeer };  // in order, or by a reset
  size_t sure_of(std::string_view slice);
  bool may_be_late(int32_t id, bool head, size_t bytes);
  void note_closed(int32_t id, ClosedBy whom);
  bool spend_frame();
  bool spend_reset();
  void end_with_error(int nghttp2_error);
  size_t data_to_send(H2Stream& stream, size_t most, bool& eof, bool& trailers_follow);
  bool write_data(H2Stream& stream, const uint8_t* frame_head, size_t bytes);
  void take_from(H2Stream& stream, size_t bytes);
  static void queue_fresh(H2Stream& stream);
  void submit_trailers(H2Stream& stream);
  void keep_trailers(H2Stream& stream, const HeaderList& trailers);
  void write_goaway(Output& out);
  void resume(H2Stream& stream);

  nghttp2_session* session_ = nullptr;
  H2Memory& memory_;
  const H1Limits& limits_;
  H2Events& events_;
  Output* out_ = nullptr;           // inside pull()
  H2Stream* in_block_ = nullptr;    // whose header block is under way
  H2Stream* fresh_ = nullptr;       // streams with borrowed bytes
  H2Credit frame_credit_;
  H2Credit reset_credit_;
  std::string_view reason_;
  size_t waiting_ = 0;
  size_t block_bytes_ = 0;          // decompressed, of the block under way
  uint32_t block_fields_ = 0;
  uint32_t continuations_ = 0;      // of the block under way
  uint32_t frames_ = 0;             // in this receive()
  int32_t last_id_ = 0;             // the newest stream of the peer
  // Server: the last streams that closed: odd as they are, one less when we had reset them, negative when
  // the client had.
  static constexpr size_t kClosedKept = 64;
  static constexpr int32_t kNoId = std::numeric_limits<int32_t>::min();
  std::array<int32_t, kClosedKept> closed_ids_;
  size_t closed_next_ = 0;
  // Server: the bytes that come, frame by frame (RFC 9113 §4.1).
  size_t payload_left_ = kH2Preface.size();
  std::array<uint8_t, 9> frame_head_;
  uint8_t frame_head_size_ = 0;
  H2Code code_ = H2Code::kNoError;
  H2Role role_;
  bool calling_ = false;            // nghttp2 is on the stack
  bool block_open_ = false;         // a header block is under way
  bool settings_seen_ = false;
  bool failed_ = false;             // ended by us: nghttp2 is not asked any more
  bool goaway_written_ = false;
  bool goaway_seen_ = false;        // server: the client's
};

}  // namespace flagmesh::http
