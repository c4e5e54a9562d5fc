// What goes: header blocks, data, ends.
#include <nghttp2/nghttp2.h>

#include <array>
#include <charconv>
#include <cstring>

#include "proxy/http/h2_connection.h"
#include "proxy/http/tokens.h"
#include "proxy/limits.h"

namespace flagmesh::http {
namespace {

constexpr size_t kFrameBytes = 16 * 1024;  // of data, unless the peer asks for more (RFC 9113 §4.2)
constexpr uint8_t kFixedName = NGHTTP2_NV_FLAG_NO_COPY_NAME;
constexpr uint8_t kFixedBoth = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

uint8_t* bytes_of(std::string_view text) {
  return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
}

nghttp2_nv pair(std::string_view name, std::string_view value, uint8_t flags) {
  return {bytes_of(name), bytes_of(value), name.size(), value.size(), flags};
}

// The encoder's own, or another connection's (RFC 9113 §8.2.2).
bool is_written_apart(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kContentLength:
    case HeaderId::kHost:
    case HeaderId::kHttp2Settings:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTe:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade: return true;
    default: return false;
  }
}

// Secrets that a guessing attack on the compression could find, and values that no later message
// repeats: they would only push out the others.
bool is_not_indexed(HeaderId id) {
  switch (id) {
    case HeaderId::kAuthorization:
    case HeaderId::kCookie:
    case HeaderId::kProxyAuthorization:
    case HeaderId::kSetCookie:
    case HeaderId::kXApiKey:
    case HeaderId::kXForwardedFor:
    case HeaderId::kXRequestId: return true;
    default: return false;
  }
}

// What HTTP/1 needs to open a WebSocket and HTTP/2 does not (RFC 8441 §5.1).
bool is_handshake_field(std::string_view name) {
  return equals_ignore_case(name, "sec-websocket-key") ||
         equals_ignore_case(name, "sec-websocket-accept");
}

// A header block on its way to nghttp2, which copies what is not fixed and writes names in lower
// case.
class Block {
 public:
  Block() {}  // NOLINT: the array is written before it is read

  void add(std::string_view name, std::string_view value, uint8_t flags) {
    if (count_ < fields_.size()) fields_[count_++] = pair(name, value, flags);
  }
  void add(const Field& field) {
    uint8_t flags = field.id == HeaderId::kOther ? uint8_t{NGHTTP2_NV_FLAG_NONE} : kFixedName;
    if (field.never_indexed || is_not_indexed(field.id)) flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    add(field.id == HeaderId::kOther ? field.name : header_name(field.id), field.value, flags);
  }
  void add(const HeaderList& list) {
    for (const Field& field : list) {
      if (!field.erased && !is_written_apart(field.id)) add(field);
    }
  }
  void add_length(uint64_t length) {
    char* end = std::to_chars(length_.data(), length_.data() + length_.size(), length).ptr;
    add(header_name(HeaderId::kContentLength),
        {length_.data(), static_cast<size_t>(end - length_.data())}, kFixedName);
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  size_t size() const { return count_; }

 private:
  std::array<nghttp2_nv, HeaderList::kMaxFields + 8> fields_;
  std::array<char, 20> length_;
  size_t count_ = 0;
};

void add_status(Block& block, uint16_t status, std::array<char, 3>& text) {
  text = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
          static_cast<char>('0' + status % 10)};
  block.add(":status", {text.data(), text.size()}, kFixedName);
}

}  // namespace

// --- Heads -------------------------------------------------------------------------------------------------------------

void H2Connection::send_interim(H2Stream& stream, const ResponseHead& head) {
  if (stream.dead || failed_) return;
  Block block;
  std::array<char, 3> status;
  add_status(block, head.status, status);
  block.add(head.headers);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, block.data(), block.size(),
                         nullptr);
}

// What nghttp2 asks when it has room for a frame of data.
struct H2DataSource {
  static ssize_t read(H2Connection& connection, H2Stream& stream, size_t length, uint32_t& flags) {
    bool eof = false;
    bool trailers = false;
    const size_t bytes = connection.data_to_send(stream, length, eof, trailers);
    if (bytes == 0 && !eof) {
      stream.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!eof) return static_cast<ssize_t>(bytes);
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (trailers) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      connection.submit_trailers(stream);
    }
    return static_cast<ssize_t>(bytes);
  }
};

namespace {

ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                  nghttp2_data_source* source, void* user) {
  return H2DataSource::read(*static_cast<H2Connection*>(user),
                            *static_cast<H2Stream*>(source->ptr), length, *flags);
}

nghttp2_data_provider provider_of(H2Stream& stream) {
  return {.source = {.ptr = &stream}, .read_callback = read_data};
}

}  // namespace

void H2Connection::send_response(H2Stream& stream, const ResponseHead& head, bool keep_length,
                                 bool end) {
  if (stream.dead || failed_) return;
  Block block;
  std::array<char, 3> status;
  const bool switched = head.status == 101;
  add_status(block, switched ? 200 : head.status, status);
  for (const Field& field : head.headers) {
    if (field.erased || is_written_apart(field.id)) continue;
    if (switched && is_handshake_field(field.name)) continue;
    block.add(field);
  }
  if (head.body.kind == Framing::kLength) {
    block.add_length(head.body.length);
  } else if (keep_length && head.body.kind == Framing::kNone) {
    const Field* length = head.headers.find(HeaderId::kContentLength);
    if (length != nullptr) block.add(*length);
  }
  stream.has_data = !end;
  stream.end_given = end;
  const nghttp2_data_provider provider = provider_of(stream);
  nghttp2_submit_response(session_, stream.id, block.data(), block.size(), end ? nullptr : &provider);
  // Round robin: without this a stream is written to its end before the next one (RFC 9218 §4.2). One frame has nobody to wait for.
  if (!end && (head.body.kind != Framing::kLength || head.body.length > kFrameBytes)) {
    const nghttp2_extpri fair{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    nghttp2_session_change_extpri_stream_priority(session_, stream.id, &fair, 1);
  }
}

bool H2Connection::send_request(H2Stream& stream, const RequestHead& head, bool tls, bool end) {
  if (failed_) return false;
  Block block;
  const bool websocket = head.upgrade_websocket;
  block.add(":method", websocket ? "CONNECT" : head.method_text, websocket ? kFixedBoth : kFixedName);
  block.add(":scheme", tls ? "https" : "http", kFixedBoth);
  block.add(":authority", head.authority, kFixedName);
  block.add(":path", head.target, kFixedName);
  if (websocket) block.add(":protocol", "websocket", kFixedBoth);
  for (const Field& field : head.headers) {
    if (field.erased || is_written_apart(field.id)) continue;
    if (websocket && is_handshake_field(field.name)) continue;
    block.add(field);
  }
  if (head.te_trailers) block.add("te", "trailers", kFixedBoth);
  if (head.body.kind == Framing::kLength && !websocket) block.add_length(head.body.length);
  end = end && !websocket;
  stream.has_data = !end;
  stream.end_given = end;
  stream.method = head.method;
  stream.websocket = websocket;
  const nghttp2_data_provider provider = provider_of(stream);
  const int32_t id = nghttp2_submit_request(session_, nullptr, block.data(), block.size(),
                                            end ? nullptr : &provider, &stream);
  if (id < 0) return false;
  stream.id = id;
  return true;
}

// --- Data --------------------------------------------------------------------------------------------------------------

void H2Connection::resume(H2Stream& stream) {
  if (!stream.deferred) return;
  stream.deferred = false;
  nghttp2_session_resume_data(session_, stream.id);
}

void H2Connection::send_data(H2Stream& stream, std::string_view data) {
  if (data.empty() || stream.dead || failed_ || !stream.has_data || stream.end_given) return;
  waiting_ += data.size();
  if (stream.fresh.full()) queue_fresh(stream);
  stream.fresh.add(data);
  if (!stream.in_fresh_list) {
    stream.in_fresh_list = true;
    stream.next_fresh = fresh_;
    fresh_ = &stream;
  }
  resume(stream);
}

void H2Connection::send_end(H2Stream& stream, const HeaderList* trailers) {
  if (stream.dead || failed_ || !stream.has_data || stream.end_given) return;
  stream.end_given = true;
  if (trailers != nullptr) keep_trailers(stream, *trailers);
  resume(stream);
}

size_t H2Connection::data_to_send(H2Stream& stream, size_t most, bool& eof, bool& trailers_follow) {
  const size_t waiting = stream.waiting();
  const size_t bytes = std::min(waiting, most);
  eof = bytes == waiting && stream.end_given;
  trailers_follow = eof && stream.trailer_block != nullptr;
  return bytes;
}

// False: not now, the batch is full.
bool H2Connection::write_data(H2Stream& stream, const uint8_t* frame_head, size_t bytes) {
  constexpr size_t kFrameHead = 9;
  if (out_->size() >= limits::kH2WriteBudgetBytes) return false;
  out_->append({reinterpret_cast<const char*>(frame_head), kFrameHead});
  take_from(stream, bytes);
  return true;
}

void H2Connection::take_from(H2Stream& stream, size_t bytes) {
  waiting_ -= bytes;
  const size_t from_queue = std::min(bytes, stream.queued.size());
  if (from_queue != 0) {
    out_->append(stream.queued.view().substr(0, from_queue));
    stream.queued.consume(from_queue);
    bytes -= from_queue;
  }
  while (bytes != 0) {
    const std::string_view piece = stream.fresh.take(bytes);
    out_->borrow(piece);
    bytes -= piece.size();
  }
  if (stream.congested && stream.waiting() <= limits::kBufferLowWatermark) {
    stream.congested = false;
    events_.on_drained(stream);
  }
}

void H2Connection::queue_fresh(H2Stream& stream) {
  while (stream.fresh.bytes != 0) stream.queued.append(stream.fresh.take(stream.fresh.bytes));
}

// What the peer's windows did not let through is copied now: its owner takes the memory back.
void H2Connection::keep_fresh() {
  while (fresh_ != nullptr) {
    H2Stream& stream = *fresh_;
    fresh_ = stream.next_fresh;
    stream.in_fresh_list = false;
    queue_fresh(stream);
    if (stream.queued.size() > limits::kBufferLowWatermark) stream.congested = true;
  }
}

// --- Trailers ----------------------------------------------------------------------------------------------------------

namespace {

// In one block of memory: this, the pairs, and the bytes that they name.
struct KeptTrailers {
  size_t count;
  nghttp2_nv* pairs() { return reinterpret_cast<nghttp2_nv*>(this + 1); }
};

}  // namespace

void H2Connection::keep_trailers(H2Stream& stream, const HeaderList& trailers) {
  size_t count = 0;
  size_t bytes = 0;
  for (const Field& field : trailers) {
    if (field.erased || is_written_apart(field.id)) continue;
    ++count;
    bytes += field.name.size() + field.value.size();
  }
  if (count == 0) return;
  void* memory = memory_.allocate(sizeof(KeptTrailers) + count * sizeof(nghttp2_nv) + bytes);
  if (memory == nullptr) return;
  auto* kept = new (memory) KeptTrailers{count};
  char* to = reinterpret_cast<char*>(kept->pairs() + count);
  const auto keep = [&to](std::string_view text) {
    memcpy(to, text.data(), text.size());
    to += text.size();
    return std::string_view(to - text.size(), text.size());
  };
  nghttp2_nv* next = kept->pairs();
  for (const Field& field : trailers) {
    if (field.erased || is_written_apart(field.id)) continue;
    const std::string_view name = keep(field.name);
    *next++ = pair(name, keep(field.value), field.never_indexed ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE);
  }
  stream.trailer_block = memory;
}

void H2Connection::submit_trailers(H2Stream& stream) {
  auto* kept = static_cast<KeptTrailers*>(stream.trailer_block);
  nghttp2_submit_trailer(session_, stream.id, kept->pairs(), kept->count);
  memory_.release(kept);
  stream.trailer_block = nullptr;
}

}  // namespace flagmesh::http
