#include <algorithm>

#include "proxy/http/h1_decoder.h"
#include "proxy/http/h1_fields.h"
#include "proxy/http/hop_by_hop.h"
#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// qdtext and what may stand behind a backslash: everything but control bytes.
constexpr bool is_text(char c) {
  return (static_cast<uint8_t>(c) >= 0x20 && c != 0x7f) || c == '\t';
}

// Fields that say how the message is framed or where it goes: acting on them, or letting a later
// hop act on them, after the body is what smuggling is made of (RFC 9110 §6.5.1).
constexpr bool may_not_trail(HeaderId id) {
  return id == HeaderId::kContentLength || id == HeaderId::kTransferEncoding ||
         id == HeaderId::kHost;
}

}  // namespace

void H1BodyDecoder::start(BodyFraming framing) {
  remaining_ = 0;
  switch (framing.kind) {
    case Framing::kNone:
      state_ = State::kFinished;
      break;
    case Framing::kLength:
      remaining_ = framing.length;
      state_ = remaining_ == 0 ? State::kFinished : State::kLength;
      break;
    case Framing::kChunked:
      begin_chunk();
      break;
    case Framing::kUntilClose:
      state_ = State::kUntilClose;
      break;
  }
}

H1Event H1BodyDecoder::next(std::string_view& input, std::string_view& data, Arena& arena,
                            HeaderList& trailers, const H1Limits& limits, H1Error& error) {
  while (true) {
    switch (state_) {
      case State::kIdle:
        return H1Event::kNeedMore;
      case State::kFinished:
        state_ = State::kIdle;
        return H1Event::kEnd;
      case State::kLength:
      case State::kUntilClose:
      case State::kChunkData:
        return take_data(input, data);
      case State::kTrailers:
        return take_trailers(input, arena, trailers, limits, error);
      default:
        break;
    }
    if (input.empty()) return H1Event::kNeedMore;
    const char c = input.front();
    input.remove_prefix(1);
    if (state_ == State::kDataCr || state_ == State::kDataLf) {
      error = take_chunk_end(c);
    } else if (++line_bytes_ > limits.chunk_line) {
      error = H1Error::kChunkLineTooLong;
    } else {
      error = take_line_byte(c);
    }
    if (error != H1Error::kNone) return H1Event::kError;
  }
}

H1Event H1BodyDecoder::take_data(std::string_view& input, std::string_view& data) {
  if (input.empty()) return H1Event::kNeedMore;
  if (state_ == State::kUntilClose) {
    data = input;
  } else {
    data = input.substr(0, static_cast<size_t>(std::min<uint64_t>(remaining_, input.size())));
    remaining_ -= data.size();
    if (remaining_ == 0) state_ = state_ == State::kLength ? State::kFinished : State::kDataCr;
  }
  input.remove_prefix(data.size());
  return H1Event::kData;
}

H1Event H1BodyDecoder::take_trailers(std::string_view& input, Arena& arena, HeaderList& trailers,
                                     const H1Limits& limits, H1Error& error) {
  const std::string_view window = input.substr(0, limits.trailer_block);
  LineEnds lines;
  size_t position = 0;
  const Scan scan = scan_lines(window, line_bytes_, lines, position);
  if (scan == Scan::kMore && window.size() < limits.trailer_block) {
    line_bytes_ = static_cast<uint32_t>(position);
    return H1Event::kNeedMore;
  }
  if (scan == Scan::kMore) {
    error = H1Error::kTrailersTooLarge;
    return H1Event::kError;
  }
  if (scan == Scan::kBad) {
    const char c = window[position];
    error = c == '\r' ? H1Error::kBareCr : c == '\n' ? H1Error::kBareLf : H1Error::kBadTrailer;
    return H1Event::kError;
  }
  const std::string_view found = window.substr(0, position + 2);
  input.remove_prefix(found.size());
  if (position == 0) {
    state_ = State::kIdle;
    return H1Event::kEnd;
  }
  if (line_bytes_ != 0) {
    lines.count = 0;
    scan_lines(found, 0, lines, position);
  }
  trailers.clear();
  error = parse_fields(copy_block(found, arena), lines, 0, limits.fields, arena, trailers);
  if (error == H1Error::kHeadersTooLarge) {
    error = H1Error::kTrailersTooLarge;
  } else if (error != H1Error::kNone || std::ranges::any_of(trailers, may_not_trail, &Field::id)) {
    error = H1Error::kBadTrailer;
  }
  if (error != H1Error::kNone) return H1Event::kError;
  remove_forbidden_trailers(trailers);
  state_ = State::kFinished;
  return H1Event::kTrailers;
}

void H1BodyDecoder::begin_chunk() {
  state_ = State::kSize;
  remaining_ = 0;
  digits_ = 0;
  line_bytes_ = 0;
}

void H1BodyDecoder::end_chunk_line() {
  state_ = remaining_ == 0 ? State::kTrailers : State::kChunkData;
  line_bytes_ = 0;
}

H1Error H1BodyDecoder::take_chunk_end(char c) {
  if (state_ == State::kDataCr && c == '\r') {
    state_ = State::kDataLf;
  } else if (state_ == State::kDataLf && c == '\n') {
    begin_chunk();
  } else {
    return H1Error::kBadChunkEnd;
  }
  return H1Error::kNone;
}

H1Error H1BodyDecoder::take_line_byte(char c) {
  if (state_ == State::kLineLf) {
    if (c != '\n') return H1Error::kBareCr;
    end_chunk_line();
    return H1Error::kNone;
  }
  if (c == '\n') return H1Error::kBareLf;
  return state_ == State::kSize ? take_size_byte(c) : take_extension_byte(c);
}

H1Error H1BodyDecoder::take_size_byte(char c) {
  constexpr uint8_t kMaxDigits = 16;
  const int digit = hex_value(c);
  if (digit >= 0) {
    // A size that does not fit into 63 bits is an error.
    if (digits_ == kMaxDigits || remaining_ >> 59 != 0) return H1Error::kBadChunkSize;
    remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
    ++digits_;
    return H1Error::kNone;
  }
  if (digits_ == 0) return H1Error::kBadChunkSize;
  if (c == '\r') {
    state_ = State::kLineLf;
  } else if (c == ';') {
    state_ = State::kExtension;
  } else if (is_blank(c)) {
    state_ = State::kAfterSize;
  } else {
    return H1Error::kBadChunkSize;
  }
  return H1Error::kNone;
}

// chunk-ext = *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ). Extensions are
// dropped, but one that is malformed may be read otherwise elsewhere.
H1Error H1BodyDecoder::take_extension_byte(char c) {
  const bool blank = is_blank(c);
  // Where a value or a name may be over.
  const auto after = [&](State when_blank) {
    if (c == '\r' && state_ != when_blank) return State::kLineLf;
    if (c == ';') return State::kExtension;
    return blank ? when_blank : State::kIdle;
  };
  State to = State::kIdle;  // stays so when the byte may not be there
  switch (state_) {
    case State::kAfterSize:
      to = after(State::kAfterSize);
      break;
    case State::kExtension:
      to = is_token_char(c) ? State::kName : blank ? State::kExtension : State::kIdle;
      break;
    case State::kName:
      to = is_token_char(c) ? State::kName : c == '=' ? State::kValue : after(State::kAfterName);
      break;
    case State::kAfterName:
      to = c == '=' ? State::kValue : after(State::kAfterName);
      break;
    case State::kValue:
      to = is_token_char(c) ? State::kToken
           : c == '"'       ? State::kQuoted
           : blank          ? State::kValue
                            : State::kIdle;
      break;
    case State::kToken:
      to = is_token_char(c) ? State::kToken : after(State::kAfterValue);
      break;
    case State::kQuoted:
      to = c == '"' ? State::kQuotedEnd : c == '\\' ? State::kQuotedPair : State::kQuoted;
      if (!is_text(c)) to = State::kIdle;
      break;
    case State::kQuotedPair:
      to = is_text(c) ? State::kQuoted : State::kIdle;
      break;
    case State::kQuotedEnd:
    case State::kAfterValue:
      to = after(State::kAfterValue);
      break;
    default:
      break;
  }
  if (to == State::kIdle) return H1Error::kBadChunkExtension;
  state_ = to;
  return H1Error::kNone;
}

}  // namespace flagmesh::http
