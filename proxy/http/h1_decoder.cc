#include "proxy/http/h1_decoder.h"

#include <new>

#include "proxy/http/h1_fields.h"
#include "proxy/http/h1_framing.h"
#include "proxy/http/h1_start_line.h"
#include "proxy/http/path.h"
#include "proxy/http/tokens.h"

namespace flagmesh::http {
namespace {

constexpr std::string_view kEmptyLine = "\r\n";

// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2). An empty value is
// valid.
H1Error check_host(const RequestHead& head) {
  const Field* host = head.headers.find(HeaderId::kHost);
  if (host == nullptr) {
    return head.version == Version::kHttp10 ? H1Error::kNone : H1Error::kMissingHost;
  }
  if (head.headers.next(host) != nullptr) return H1Error::kRepeatedHost;
  return host->value.empty() || is_valid_authority(host->value) ? H1Error::kNone
                                                                : H1Error::kBadHost;
}

// What follows from the fields, once they are parsed.
H1Error read_request_fields(RequestHead& head) {
  H1Error error = check_host(head);
  if (error != H1Error::kNone) return error;
  if (head.scheme.empty()) head.authority = head.headers.value(HeaderId::kHost);
  error = request_framing(head.headers, head.version, head.body);
  if (error != H1Error::kNone) return error;
  const ConnectionOptions options = connection_options(head.headers);
  if (options.count > kMaxConnectionOptions) return H1Error::kBadHeaderValue;
  head.keep_alive = options.persistent(head.version);
  if (head.version == Version::kHttp10) return H1Error::kNone;
  head.expect_continue = has_token(head.headers.value(HeaderId::kExpect), "100-continue");
  head.te_trailers = head.headers.has(HeaderId::kTe) &&
                     has_token(head.headers.value(HeaderId::kTe), "trailers");
  head.upgrade_websocket = options.upgrade && head.method == Method::kGet &&
                           head.body.kind == Framing::kNone && names_websocket(head.headers);
  return H1Error::kNone;
}

// `block` is a whole head in the arena.
H1Error parse_request(std::string_view block, const LineEnds& lines, const H1Limits& limits,
                      Arena& arena, RequestHead& head) {
  new (&head) RequestHead;  // in place: faster than assigning an empty one
  RequestLine line;
  H1Error error = split_request_line(block.substr(0, lines.at[0]), limits.target, line);
  if (error != H1Error::kNone) return error;
  head.method_text = line.method;
  head.method = method_of(line.method);
  head.version = line.version;
  const std::optional<Target> target =
      parse_target(line.target, head.method, limits.normalize_path, arena);
  if (!target) return H1Error::kBadTarget;
  head.scheme = target->scheme;
  head.authority = target->authority;
  head.target = target->text;
  head.path = target->path;
  head.query = target->query;
  error = parse_fields(block, lines, 1, limits.fields, arena, head.headers);
  return error != H1Error::kNone ? error : read_request_fields(head);
}

// As parse_request; `method` is that of the request.
H1Error parse_response(std::string_view block, const LineEnds& lines, const H1Limits& limits,
                       Arena& arena, Method method, ResponseHead& head) {
  new (&head) ResponseHead;
  StatusLine line;
  H1Error error = split_status_line(block.substr(0, lines.at[0]), line);
  if (error != H1Error::kNone) return error;
  head.status = line.status;
  head.version = line.version;
  head.reason = line.reason;
  error = parse_fields(block, lines, 1, limits.fields, arena, head.headers);
  if (error != H1Error::kNone) return error;
  error = response_framing(head.headers, head.version, head.status, method, head.body);
  // A transfer coding where no body can be says that the peer may send one all the same.
  const bool doubtful =
      (head.status < 200 || head.status == 204) && head.headers.has(HeaderId::kTransferEncoding);
  const ConnectionOptions options = connection_options(head.headers);
  head.keep_alive =
      options.persistent(head.version) && head.body.kind != Framing::kUntilClose && !doubtful;
  if (error != H1Error::kNone) return error;
  return options.count > kMaxConnectionOptions ? H1Error::kBadHeaderValue : H1Error::kNone;
}

}  // namespace

H1Event H1RequestDecoder::fail(H1Error error) {
  error_ = error;
  return H1Event::kError;
}

H1Event H1RequestDecoder::next(std::string_view& input, Arena& arena, RequestHead& head,
                               std::string_view& data, HeaderList& trailers) {
  if (error_ != H1Error::kNone) return H1Event::kError;
  if (body_.in_body()) return body_.next(input, data, arena, trailers, *limits_, error_);
  return next_head(input, arena, head);
}

H1Event H1RequestDecoder::next_head(std::string_view& input, Arena& arena, RequestHead& head) {
  if (!skipped_empty_line_ && input.starts_with(kEmptyLine)) {
    input.remove_prefix(kEmptyLine.size());
    skipped_empty_line_ = true;
    waiting_ = false;
  }
  if (input.empty()) return H1Event::kNeedMore;
  LineEnds lines;
  size_t size = 0;
  H1Error error = H1Error::kNone;
  const H1HeadReader::Step step =
      reader_.read(input, HeadKind::kRequest, *limits_, lines, size, error);
  waiting_ = step == H1HeadReader::Step::kMore;
  if (waiting_) return H1Event::kNeedMore;
  if (step == H1HeadReader::Step::kError) return fail(error);
  error = parse_request(copy_block(input.substr(0, size), arena), lines, *limits_, arena, head);
  if (error != H1Error::kNone) return fail(error);
  input.remove_prefix(size);
  skipped_empty_line_ = false;
  body_.start(head.body);
  return H1Event::kHead;
}

void H1ResponseDecoder::expect(Method method, bool upgrade) {
  method_ = method;
  upgrade_ = upgrade;
  interim_ = 0;
}

H1Event H1ResponseDecoder::fail(H1Error error) {
  error_ = error;
  return H1Event::kError;
}

H1Event H1ResponseDecoder::next(std::string_view& input, Arena& arena, ResponseHead& head,
                                std::string_view& data, HeaderList& trailers) {
  if (error_ != H1Error::kNone) return H1Event::kError;
  if (body_.in_body()) return body_.next(input, data, arena, trailers, *limits_, error_);
  return next_head(input, arena, head);
}

H1Event H1ResponseDecoder::next_head(std::string_view& input, Arena& arena, ResponseHead& head) {
  if (input.empty()) return H1Event::kNeedMore;
  LineEnds lines;
  size_t size = 0;
  H1Error error = H1Error::kNone;
  const H1HeadReader::Step step =
      reader_.read(input, HeadKind::kResponse, *limits_, lines, size, error);
  if (step == H1HeadReader::Step::kMore) return H1Event::kNeedMore;
  if (step == H1HeadReader::Step::kError) return fail(error);
  error = parse_response(copy_block(input.substr(0, size), arena), lines, *limits_, arena, method_,
                         head);
  if (error != H1Error::kNone) return fail(error);
  input.remove_prefix(size);
  if (head.status == 101) {
    const bool switched =
        upgrade_ && head.version != Version::kHttp10 && names_websocket(head.headers);
    if (!switched) return fail(H1Error::kUnexpectedSwitch);
  } else if (head.status < 200) {
    return ++interim_ > kMaxInterim ? fail(H1Error::kHeadersTooLarge) : H1Event::kInterim;
  }
  body_.start(head.body);
  return H1Event::kHead;
}

H1Event H1ResponseDecoder::on_eof() {
  if (error_ != H1Error::kNone) return H1Event::kError;
  if (!body_.until_close()) return fail(H1Error::kTruncated);
  body_ = H1BodyDecoder();
  return H1Event::kEnd;
}

}  // namespace flagmesh::http
