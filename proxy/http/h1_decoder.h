// HTTP/1 bytes to messages, strict by RFC 9112; pure and incremental. A pull parser: the caller
// shows bytes, the decoder takes what it can and says what it found. It never keeps a reference to
// the caller's bytes between calls. However the bytes of a message are cut into pieces, the events
// and the error are the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/arena.h"
#include "proxy/http/h1_errors.h"
#include "proxy/http/h1_head_reader.h"
#include "proxy/http/message.h"

namespace flagmesh::http {

enum class H1Event : uint8_t {
  kNeedMore,  // show the rest of `input` again, with more bytes behind it
  kHead,      // `head` is filled
  kInterim,   // responses: `head` is a 1xx other than 101
  kData,      // `data` is a piece of the body, a slice of the input
  kTrailers,  // `trailers` is filled (only when there were any; see hop_by_hop.h); kEnd follows
  kEnd,       // the message ended; the next call begins the next one
  kError,     // error() says which; the connection cannot be used any more
};

struct H1Limits {
  uint32_t header_block = 32 * 1024;
  uint32_t target = 16 * 1024;
  uint16_t fields = 128;
  uint32_t chunk_line = 4 * 1024;
  uint32_t trailer_block = 8 * 1024;
  bool normalize_path = true;  // docs/http.md
};

// What both directions share: body framing state. 32 bytes at most: it lives in every idle
// connection.
class H1BodyDecoder {
 public:
  void start(BodyFraming framing);
  bool in_body() const { return state_ != State::kIdle; }
  bool until_close() const { return state_ == State::kUntilClose; }
  // See H1RequestDecoder::next. kData slices, kTrailers, kEnd, kNeedMore, kError.
  H1Event next(std::string_view& input, std::string_view& data, Arena& arena, HeaderList& trailers,
               const H1Limits& limits, H1Error& error);

 private:
  enum class State : uint8_t {
    kIdle,
    kFinished,  // kEnd is still to be told
    kLength,
    kUntilClose,
    // The line of a chunk: size, extensions, CR LF (RFC 9112 §7.1). kExtension: behind ';', kName:
    // in a name, and so on.
    kSize,
    kAfterSize,
    kExtension,
    kName,
    kAfterName,
    kValue,
    kToken,
    kQuoted,
    kQuotedPair,
    kQuotedEnd,
    kAfterValue,
    kLineLf,
    kChunkData,
    kDataCr,
    kDataLf,
    kTrailers,
  };

  H1Event take_data(std::string_view& input, std::string_view& data);
  H1Event take_trailers(std::string_view& input, Arena& arena, HeaderList& trailers,
                        const H1Limits& limits, H1Error& error);
  H1Error take_line_byte(char c);
  H1Error take_size_byte(char c);
  H1Error take_extension_byte(char c);
  H1Error take_chunk_end(char c);
  void begin_chunk();
  void end_chunk_line();

  uint64_t remaining_ = 0;
  uint32_t line_bytes_ =
      0;  // of the chunk line so far, for its limit; of the trailers already searched
  State state_ = State::kIdle;
  uint8_t digits_ = 0;
};

// The server's side. One per downstream connection; `limits` outlives it.
class H1RequestDecoder {
 public:
  explicit H1RequestDecoder(const H1Limits& limits) : limits_(&limits) {}

  // Consumes from the front of `input`. Head and trailer blocks are consumed only when complete
  // (copied into `arena` once, and `head`/`trailers` point there); body bytes at once. Empty lines
  // before a request line are skipped (RFC 9112 §2.2; at most one pair of CRLF). After kEnd a
  // further call starts the next message, so a caller that must not go on reading pipelined
  // requests simply does not call. A message without a body is kHead and then kEnd, which needs no
  // input: call until kNeedMore or kEnd. After kError every call returns kError.
  H1Event next(std::string_view& input, Arena& arena, RequestHead& head, std::string_view& data,
               HeaderList& trailers);

  // No byte of a message was consumed or is known to be waiting: between two messages.
  bool idle() const { return !body_.in_body() && !waiting_; }
  H1Error error() const { return error_; }

 private:
  H1Event next_head(std::string_view& input, Arena& arena, RequestHead& head);
  H1Event fail(H1Error error);

  const H1Limits* limits_;
  H1BodyDecoder body_;
  H1HeadReader reader_;
  bool waiting_ = false;             // an incomplete head was shown
  bool skipped_empty_line_ = false;  // before this request line
  H1Error error_ = H1Error::kNone;
};

// The client's side. One per upstream connection.
class H1ResponseDecoder {
 public:
  // A peer could send them for ever, and each takes its place in the arena.
  static constexpr uint8_t kMaxInterim = 64;

  explicit H1ResponseDecoder(const H1Limits& limits) : limits_(&limits) {}

  // Says which request the next response answers; before the first byte of the answer (RFC 9112
  // §6.3: HEAD; an upgrade makes 101 acceptable, which is otherwise an error).
  void expect(Method method, bool upgrade);

  // As H1RequestDecoder::next; kInterim heads are followed by another head (at most kMaxInterim of
  // them). A 101 comes as kHead and then kEnd: what follows in `input` belongs to the tunnel. A
  // byte after kEnd without expect() is for the caller to treat as an error.
  H1Event next(std::string_view& input, Arena& arena, ResponseHead& head, std::string_view& data,
               HeaderList& trailers);

  // The peer closed: kEnd when that ends the body (kUntilClose), else kError (truncated).
  H1Event on_eof();

  H1Error error() const { return error_; }

 private:
  H1Event next_head(std::string_view& input, Arena& arena, ResponseHead& head);
  H1Event fail(H1Error error);

  const H1Limits* limits_;
  H1BodyDecoder body_;
  H1HeadReader reader_;
  Method method_ = Method::kGet;
  bool upgrade_ = false;
  uint8_t interim_ = 0;
  H1Error error_ = H1Error::kNone;
};

}  // namespace flagmesh::http
