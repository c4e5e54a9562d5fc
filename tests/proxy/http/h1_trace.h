// Runs a decoder over a text cut into pieces and writes down what it said, so that tests can
// compare. Shared by the table test and the fuzz targets.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/h1_decoder.h"

namespace flagmesh::http {

using Trace = std::vector<std::string>;

inline std::string framing_text(BodyFraming body) {
  switch (body.kind) {
    case Framing::kNone:
      return "none";
    case Framing::kLength:
      return "length:" + std::to_string(body.length);
    case Framing::kChunked:
      return "chunked";
    case Framing::kUntilClose:
      return "until_close";
  }
  return "?";
}

inline std::string fields_text(const HeaderList& fields, std::string_view between) {
  std::string text;
  for (const Field& field : fields) {
    if (field.erased) continue;
    if (!text.empty()) text += between;
    text.append(field.name).append(": ").append(field.value);
  }
  return text;
}

// Collects the lines of a trace; pieces of a body become one line.
class TraceWriter {
 public:
  void head(const RequestHead& head) {
    std::string line = "head " + std::string(head.method_text) + " ";
    line += head.target.size() > 200 ? "<" + std::to_string(head.target.size()) + " bytes>"
                                     : std::string(head.target);
    line += head.version == Version::kHttp10 ? " 1.0" : " 1.1";
    line += " host=" + std::string(head.authority) + " body=" + framing_text(head.body);
    line += head.keep_alive ? " keep" : " close";
    if (head.expect_continue) line += " expect";
    if (head.upgrade_websocket) line += " websocket";
    add(line, head.headers);
  }
  void head(const ResponseHead& head) {
    std::string line = "head " + std::to_string(head.status);
    line += head.version == Version::kHttp10 ? " 1.0" : " 1.1";
    line += " body=" + framing_text(head.body) + (head.keep_alive ? " keep" : " close");
    add(line, head.headers);
  }
  void interim(const ResponseHead& head) {
    add("interim " + std::to_string(head.status), head.headers);
  }
  void data(std::string_view piece) {
    if (lines.empty() || !lines.back().starts_with("data ")) lines.push_back("data ");
    lines.back() += piece;
  }
  void add(std::string line) { lines.push_back(std::move(line)); }

  Trace lines;
  Trace fields;  // of each head, joined by line feeds

 private:
  void add(std::string line, const HeaderList& headers) {
    lines.push_back(std::move(line));
    fields.push_back(fields_text(headers, "\n"));
  }
};

// Feeds `text` in pieces of `step` bytes (0: whole); what a call leaves is shown again with the
// next piece behind it, in memory of exactly that size so that a sanitizer sees every byte read too
// far. `take` gets the bytes and returns false to stop.
template <class Take>
void feed(std::string_view text, size_t step, Take&& take) {
  if (step == 0) step = std::max<size_t>(text.size(), 1);
  size_t consumed = 0;
  for (size_t shown = 0; shown < text.size();) {
    shown = std::min(shown + step, text.size());
    const std::string_view piece = text.substr(consumed, shown - consumed);
    const std::unique_ptr<char[]> exact(new char[piece.size()]);
    std::copy_n(piece.data(), piece.size(), exact.get());
    std::string_view input(exact.get(), piece.size());
    const bool more = take(input);
    consumed = shown - input.size();
    if (!more) return;
  }
}

inline TraceWriter trace_request(std::string_view text, size_t step, const H1Limits& limits) {
  TraceWriter out;
  BlockPool pool;
  Arena arena(pool);
  H1RequestDecoder decoder(limits);
  RequestHead head;
  HeaderList trailers;
  std::string_view data;
  bool failed = false;
  feed(text, step, [&](std::string_view& input) {
    while (true) {
      switch (decoder.next(input, arena, head, data, trailers)) {
        case H1Event::kNeedMore:
          return true;
        case H1Event::kHead:
        case H1Event::kInterim:
          out.head(head);
          break;
        case H1Event::kData:
          out.data(data);
          break;
        case H1Event::kTrailers:
          out.add("trailers " + fields_text(trailers, "|"));
          break;
        case H1Event::kEnd:
          out.add("end");
          arena.reset();
          break;
        case H1Event::kError:
          out.add("error " + std::string(reason_of(decoder.error())));
          failed = true;
          return false;
      }
    }
  });
  if (!failed && !decoder.idle()) out.add("more");
  return out;
}

// How a response is to be read.
struct ResponseContext {
  Method method = Method::kGet;
  bool upgrade = false;
  bool eof = false;  // the connection ends behind the text
};

inline TraceWriter trace_response(std::string_view text, size_t step,
                                  const ResponseContext& context, const H1Limits& limits) {
  TraceWriter out;
  BlockPool pool;
  Arena arena(pool);
  H1ResponseDecoder decoder(limits);
  decoder.expect(context.method, context.upgrade);
  ResponseHead head;
  HeaderList trailers;
  std::string_view data;
  bool ended = false;
  size_t consumed = 0;
  const auto fail = [&] {
    out.add("error " + std::string(reason_of(decoder.error())));
    ended = true;
  };
  feed(text, step, [&](std::string_view& input) {
    while (!ended) {
      const size_t before = input.size();
      const H1Event event = decoder.next(input, arena, head, data, trailers);
      consumed += before - input.size();
      if (event == H1Event::kNeedMore) return true;
      if (event == H1Event::kHead) out.head(head);
      if (event == H1Event::kInterim) out.interim(head);
      if (event == H1Event::kData) out.data(data);
      if (event == H1Event::kTrailers) out.add("trailers " + fields_text(trailers, "|"));
      if (event == H1Event::kError) fail();
      if (event != H1Event::kEnd) continue;
      out.add("end");
      ended = true;
      if (consumed != text.size()) out.add("left " + std::to_string(text.size() - consumed));
    }
    return false;
  });
  if (ended) return out;
  if (!context.eof) {
    out.add("more");
  } else if (decoder.on_eof() == H1Event::kEnd) {
    out.add("end");
  } else {
    fail();
  }
  return out;
}

}  // namespace flagmesh::http
