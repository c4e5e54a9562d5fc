// One HTTP/2 stream as its connection's codec keeps it. Owners derive from it what they need
// besides.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/base/buffer.h"
#include "proxy/http/h1_errors.h"
#include "proxy/http/h2_codes.h"
#include "proxy/http/h2_fields.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

// Bytes that stay where they are, in a few pieces.
struct H2Pieces {
  static constexpr size_t kMost = 8;

  bool full() const { return end == kMost; }
  void add(std::string_view piece) {
    pieces[end++] = piece;
    bytes += piece.size();
  }
  // The rest of the first piece, at most `most` bytes of it, taken off. REQUIRES: there are bytes.
  std::string_view take(size_t most) {
    std::string_view& piece = pieces[begin];
    const std::string_view taken = piece.substr(0, most);
    piece.remove_prefix(taken.size());
    bytes -= taken.size();
    if (piece.empty()) ++begin;
    if (bytes == 0) begin = end = 0;
    return taken;
  }
  void clear() { bytes = begin = end = 0; }

  std::array<std::string_view, kMost> pieces;
  size_t bytes = 0;
  uint8_t begin = 0;
  uint8_t end = 0;
};

// Made by the owner, one for each request; lives until H2Events::on_closed(). What the owner sets
// is said; the rest is the codec's.
struct H2Stream {
  static constexpr uint64_t kAnyLength = std::numeric_limits<uint64_t>::max();

  // --- Set by the owner; live until the last event of the stream that names them ---
  Arena* arena = nullptr;
  RequestHead* request = nullptr;    // server
  ResponseHead* response = nullptr;  // client
  HeaderList* trailers = nullptr;

  // --- What the owner may read ---
  int32_t id = 0;
  H1Error error = H1Error::kNone;     // what was wrong with the peer's message
  H2Code code = H2Code::kNoError;     // of the RST_STREAM that ended it, whoever sent it
  bool reset_by_peer = false;
  bool remote_ended = false;          // END_STREAM came
  bool local_ended = false;           // END_STREAM was written
  // Bytes that were given to send_data() and wait for the peer's window.
  size_t waiting() const { return queued.size() + fresh.bytes; }

  // --- The codec's ---
  H2FieldReader fields;
  bool head_done = false;
  bool dead = false;         // reset: nothing is told or sent any more
  bool deaf = false;         // what still comes is dropped
  bool opened = false;       // client: the request's head was written
  bool end_given = false;    // send_end() was called
  bool has_data = false;     // the head did not end the message: DATA follows
  bool deferred = false;     // nghttp2 waits to be told of more data
  bool congested = false;    // over the low watermark: on_drained() is owed
  bool websocket = false;    // client: an extended CONNECT
  Method method = Method::kGet;  // client: of the request
  uint8_t interim = 0;
  uint64_t expected = kAnyLength;  // bytes of the body that comes
  uint64_t received = 0;
  uint64_t unconsumed = 0;         // received, not given to consumed()
  Buffer queued;                   // to send
  H2Pieces fresh;                  // behind it, borrowed until the next pull()
  void* trailer_block = nullptr;
  H2Stream* next_fresh = nullptr;
  bool in_fresh_list = false;
};

}  // namespace flagmesh::http
