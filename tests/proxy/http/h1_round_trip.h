// What a proxy does with a message: decodes it and encodes it for the next hop. Shared by the table
// test and the fuzz targets.
#pragma once

#include <optional>
#include <string>

#include "proxy/http/h1_encoder.h"
#include "proxy/http/hop_by_hop.h"
#include "tests/proxy/http/h1_trace.h"

namespace flagmesh::http {

inline std::string output_text(const Output& out) {
  std::string text;
  out.rest(0, [&](std::string_view piece) { text += piece; });
  return text;
}

// The first request of `text` as it would be forwarded; nothing when it is refused or not all
// there.
inline std::optional<std::string> forward_request(std::string_view text, const H1Limits& limits) {
  BlockPool pool;
  Arena arena(pool);
  H1RequestDecoder decoder(limits);
  RequestHead head;
  HeaderList trailers;
  std::string_view data;
  Output out;
  bool with_trailers = false;
  while (true) {
    switch (decoder.next(text, arena, head, data, trailers)) {
      case H1Event::kHead:
        remove_hop_by_hop(head.headers);
        encode_request(head, head.upgrade_websocket ? "upgrade" : "", out);
        break;
      case H1Event::kData:
        encode_data(head.body.kind, data, out);
        break;
      case H1Event::kTrailers:
        with_trailers = true;
        break;
      case H1Event::kEnd:
        encode_end(head.body.kind, with_trailers ? &trailers : nullptr, out);
        return output_text(out);
      default:
        return std::nullopt;
    }
  }
}

// As forward_request, for the first final response.
inline std::optional<std::string> forward_response(std::string_view text,
                                                   const ResponseContext& context,
                                                   const H1Limits& limits) {
  BlockPool pool;
  Arena arena(pool);
  H1ResponseDecoder decoder(limits);
  decoder.expect(context.method, context.upgrade);
  ResponseHead head;
  HeaderList trailers;
  std::string_view data;
  Output out;
  bool with_trailers = false;
  while (true) {
    H1Event event = decoder.next(text, arena, head, data, trailers);
    if (event == H1Event::kNeedMore && context.eof) event = decoder.on_eof();
    switch (event) {
      case H1Event::kInterim:
        break;
      case H1Event::kHead: {
        remove_hop_by_hop(head.headers);
        const bool keep_length = context.method == Method::kHead || head.status == 304;
        encode_response(head, head.status == 101 ? "upgrade" : "", keep_length, out);
        break;
      }
      case H1Event::kData:
        encode_data(head.body.kind, data, out);
        break;
      case H1Event::kTrailers:
        with_trailers = true;
        break;
      case H1Event::kEnd:
        encode_end(head.body.kind, with_trailers ? &trailers : nullptr, out);
        return output_text(out);
      default:
        return std::nullopt;
    }
  }
}

}  // namespace flagmesh::http
