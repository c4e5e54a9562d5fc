// What comes: header blocks, data, ends.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "proxy/http/h1_framing.h"
#include "proxy/http/h2_connection.h"
#include "proxy/http/h2_head.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/limits.h"

namespace flagmesh::http {

void H2Connection::begin_block(H2Stream& stream, H2FieldReader::Kind kind) {
  in_block_ = &stream;
  stream.fields.start(kind);
  switch (kind) {
    case H2FieldReader::Kind::kRequest: new (stream.request) RequestHead; break;
    case H2FieldReader::Kind::kResponse: new (stream.response) ResponseHead; break;
    case H2FieldReader::Kind::kTrailers: stream.trailers->clear(); break;
  }
}

// False ends the connection. Blocks that nobody wants are decompressed all the same: HPACK's state
// is the connection's.
bool H2Connection::take_field(const H2Field& field) {
  block_bytes_ += field.name.size() + field.value.size();
  if (++block_fields_ > limits::kH2DecompressedFields || block_bytes_ > limits::kH2DecompressedBytes) {
    terminate(H2Code::kEnhanceYourCalm, "h2_header_bomb");
    return false;
  }
  H2Stream* stream = in_block_;
  if (stream == nullptr || stream->dead || stream->deaf) return true;
  HeaderList* list = nullptr;
  switch (stream->fields.kind()) {
    case H2FieldReader::Kind::kRequest: list = &stream->request->headers; break;
    case H2FieldReader::Kind::kResponse: list = &stream->response->headers; break;
    case H2FieldReader::Kind::kTrailers: list = stream->trailers; break;
  }
  stream->fields.add(field, limits_, *stream->arena, *list);
  return true;
}

void H2Connection::head_came(H2Stream& stream, bool end) {
  switch (stream.fields.kind()) {
    case H2FieldReader::Kind::kRequest: request_came(stream, end); break;
    case H2FieldReader::Kind::kResponse: response_came(stream, end); break;
    case H2FieldReader::Kind::kTrailers: trailers_came(stream, end); break;
  }
}

void H2Connection::request_came(H2Stream& stream, bool end) {
  frame_credit_.earn(limits::kH2IdleFramesPerWork);
  RequestHead& head = *stream.request;
  H1Error error = stream.fields.error();
  if (error == H1Error::kNone) {
    error = finish_h2_request(stream.fields.pseudo(), end, limits_, *stream.arena, head);
  }
  stream.head_done = true;
  stream.remote_ended = end;
  if (error != H1Error::kNone) {
    stream.error = error;
    const bool answer = !is_malformed(error);
    if (!answer) reset(stream, H2Code::kProtocolError);
    events_.on_refused(stream, answer);
    return;
  }
  if (head.body.kind == Framing::kLength) stream.expected = head.body.length;
  events_.on_head(stream, end);
}

void H2Connection::response_came(H2Stream& stream, bool end) {
  ResponseHead& head = *stream.response;
  H1Error error = stream.fields.error();
  if (error == H1Error::kNone) {
    error = finish_h2_response(stream.fields.pseudo(), end, stream.method, stream.websocket, head);
  }
  const bool interim = error == H1Error::kNone && head.status < 200 && head.status != 101;
  if (interim && ++stream.interim > H1ResponseDecoder::kMaxInterim) error = H1Error::kHeadersTooLarge;
  if (error != H1Error::kNone) {
    fail_stream(stream, error);
    return;
  }
  if (interim) {
    events_.on_interim(stream);
    return;
  }
  stream.head_done = true;
  stream.remote_ended = end;
  if (is_bodiless(head.status, stream.method) && head.status != 101) {
    stream.expected = 0;
  } else if (head.body.kind == Framing::kLength) {
    stream.expected = head.body.length;
  }
  events_.on_head(stream, end);
}

void H2Connection::trailers_came(H2Stream& stream, bool end) {
  H1Error error = stream.fields.error();
  // A second head, or trailers that do not end the message (RFC 9113 §8.1).
  if (error == H1Error::kNone && !end) error = H1Error::kBadTrailer;
  if (error == H1Error::kNone && stream.remote_ended) error = H1Error::kBadTrailer;
  if (error != H1Error::kNone) {
    fail_stream(stream, error);
    return;
  }
  remove_forbidden_trailers(*stream.trailers);
  const bool whole = stream.expected == H2Stream::kAnyLength || stream.received == stream.expected;
  if (whole && stream.trailers->size() != 0) events_.on_trailers(stream);
  if (!stream.dead && !stream.deaf) {
    body_ended(stream);
  } else {
    stream.remote_ended = true;
  }
}

bool H2Connection::data_came(H2Stream& stream, std::string_view data) {
  stream.received += data.size();
  stream.unconsumed += data.size();
  if (!stream.head_done) {
    fail_stream(stream, H1Error::kBadPseudoHeader);
  } else if (stream.received > stream.expected) {
    fail_stream(stream, H1Error::kLengthMismatch);
  } else if (!data.empty()) {
    events_.on_data(stream, data);
  }
  return true;
}

void H2Connection::body_ended(H2Stream& stream) {
  if (stream.expected != H2Stream::kAnyLength && stream.received != stream.expected) {
    fail_stream(stream, H1Error::kLengthMismatch);
    return;
  }
  stream.remote_ended = true;
  events_.on_end(stream);
}

// Nghttp2 tells of the end when the reset is written.
void H2Connection::fail_stream(H2Stream& stream, H1Error error) {
  stream.error = error;
  reset(stream, H2Code::kProtocolError);
}

void H2Connection::closed(H2Stream& stream, H2Code code) {
  // What ends with a lie ends in order for nghttp2.
  stream.code = code == H2Code::kNoError && stream.error != H1Error::kNone ? H2Code::kProtocolError : code;
  if (in_block_ == &stream) in_block_ = nullptr;
  if (stream.unconsumed != 0) nghttp2_session_consume_connection(session_, stream.unconsumed);
  stream.unconsumed = 0;
  forget(stream);
  if (role_ == H2Role::kServer) {
    const bool in_order = stream.local_ended && stream.remote_ended;
    note_closed(stream.id, stream.reset_by_peer ? ClosedBy::kPeer : in_order ? ClosedBy::kBoth : ClosedBy::kUs);
  }
  stream.dead = true;
  events_.on_closed(stream);
}

void H2Connection::forget(H2Stream& stream) {
  waiting_ -= stream.waiting();
  stream.queued.clear();
  stream.fresh.clear();
  memory_.release(stream.trailer_block);
  stream.trailer_block = nullptr;
  if (!stream.in_fresh_list) return;
  H2Stream** at = &fresh_;
  while (*at != &stream) at = &(*at)->next_fresh;
  *at = stream.next_fresh;
  stream.in_fresh_list = false;
}

void H2Connection::note_closed(int32_t id, ClosedBy whom) {
  closed_ids_[closed_next_++ % kClosedKept] = whom == ClosedBy::kUs ? id - 1 : whom == ClosedBy::kPeer ? -id : id;
}

// Nghttp2 drops data for streams that have closed without a word. How many bytes it may be shown before we
// have to look at such a frame; what was in front of it may close its stream, or open it. Behind the client's
// GOAWAY it drops everything once no stream is open, but looks only when it is called: it is, for each frame,
// so that the same bytes mean the same however they are cut. And a run of resets is looked at piece by piece, for
// each of them is a request that was begun for nothing: others have their turn in between.
size_t H2Connection::sure_of(std::string_view slice) {
  unsigned resets = 0;
  for (size_t at = 0; at < slice.size();) {
    const bool between = at != 0 && payload_left_ == 0 && frame_head_size_ == 0;
    if (between && (goaway_seen_ || resets >= kResetsPerTurn)) [[unlikely]] return at;
    if (payload_left_ != 0) {
      const size_t bytes = std::min(payload_left_, slice.size() - at);
      payload_left_ -= bytes;
      at += bytes;
      continue;
    }
    const size_t begin = at;
    const size_t bytes = std::min(frame_head_.size() - frame_head_size_, slice.size() - at);
    memcpy(frame_head_.data() + frame_head_size_, slice.data() + at, bytes);
    frame_head_size_ += static_cast<uint8_t>(bytes);
    at += bytes;
    if (frame_head_size_ != frame_head_.size()) break;
    frame_head_size_ = 0;
    const auto& h = frame_head_;
    payload_left_ = static_cast<size_t>(h[0] << 16 | h[1] << 8 | h[2]);
    if (h[3] == NGHTTP2_RST_STREAM) ++resets;
    if (h[3] == NGHTTP2_GOAWAY) goaway_seen_ = true;
    if (h[3] != NGHTTP2_DATA) continue;
    const auto id = static_cast<int32_t>((h[5] & 0x7fU) << 24 | h[6] << 16U | h[7] << 8U | h[8]);
    if (resets == 0 && nghttp2_session_get_stream_user_data(session_, id) != nullptr) continue;
    if (begin != 0) {
      payload_left_ = 0;
      return begin;
    }
    const bool begun = id % 2 == 1 && id <= last_id_;
    const bool closed = begun && nghttp2_session_get_stream_user_data(session_, id) == nullptr;
    if (!closed) continue;
    ++frames_;  // nghttp2 does not tell of it
    if (!may_be_late(id, false, payload_left_)) return 0;
  }
  return slice.size();
}

// A header block (`head`) or data for a stream that has closed (RFC 9113 §5.1, §5.1.1): what crossed our reset
// is let through; data behind the client's own reset is told; else the connection is over. Of streams that
// closed long ago we know nothing: data is dropped, a header block would be a request with an old number.
// Small frames are counted, or who is reset could go on with them for ever.
bool H2Connection::may_be_late(int32_t id, bool head, size_t bytes) {
  const bool free = !head && bytes >= limits::kH2WorthwhileBytes;  // the windows limit it
  for (const int32_t closed : closed_ids_) {
    if (closed == id - 1) return free || spend_frame();
    if (closed == -id && !head) {
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
      return true;
    }
    if (closed == id || closed == -id) {
      terminate(H2Code::kStreamClosed, "h2_protocol_error");
      return false;
    }
  }
  if (!head) return free || spend_frame();
  terminate(H2Code::kProtocolError, "h2_protocol_error");
  return false;
}

void H2Connection::consumed(H2Stream& stream, size_t bytes) {
  if (failed_ || stream.unconsumed == 0) return;
  bytes = std::min<size_t>(bytes, stream.unconsumed);
  stream.unconsumed -= bytes;
  nghttp2_session_consume(session_, stream.id, bytes);
}

void H2Connection::ignore_rest(H2Stream& stream) {
  stream.deaf = true;
  if (in_block_ == &stream) in_block_ = nullptr;
  consumed(stream, stream.unconsumed);
}

void H2Connection::reset(H2Stream& stream, H2Code code) {
  if (stream.dead) return;
  stream.dead = true;
  if (stream.id != 0) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, static_cast<uint32_t>(code));
  }
}

}  // namespace flagmesh::http
