#include "proxy/http/h2_callbacks.h"

#include <nghttp2/nghttp2.h>

#include "proxy/http/h2_connection.h"
#include "proxy/limits.h"

namespace flagmesh::http {

// The way from nghttp2 to H2Connection. A callback that fails ends the connection; the reason was
// noted before.
struct H2Callbacks {
  static H2Connection& self(void* user) { return *static_cast<H2Connection*>(user); }
  static H2Stream* stream_of(nghttp2_session* session, int32_t id) {
    return id == 0 ? nullptr
                   : static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static std::string_view text(nghttp2_rcbuf* buffer) {
    const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
  }
  static bool ends(const nghttp2_frame_hd& head) {
    return (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  }

  static void note_end(H2Stream* stream) {
    if (stream != nullptr) stream->remote_ended = true;
  }

  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user) {
    H2Connection& c = self(user);
    ++c.frames_;
    switch (head->type) {
      case NGHTTP2_HEADERS:
        if (c.role_ == H2Role::kServer && head->stream_id % 2 == 1 && head->stream_id <= c.last_id_ &&
            stream_of(session, head->stream_id) == nullptr && !c.may_be_late(head->stream_id, true, head->length)) {
          return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        return 0;
      case NGHTTP2_RST_STREAM: return 0;
      case NGHTTP2_PRIORITY:
        // Otherwise ignored (RFC 9113 §5.3.2), nghttp2 does not look at it at all.
        if (head->stream_id == 0 || head->length != 5) {
          c.terminate(head->stream_id == 0 ? H2Code::kProtocolError : H2Code::kFrameSizeError,
                      "h2_protocol_error");
          return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        break;
      case NGHTTP2_CONTINUATION:
        if (++c.continuations_ > limits::kH2Continuations) {
          c.terminate(H2Code::kEnhanceYourCalm, "h2_flood");
          return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        if (head->length != 0) return 0;
        break;
      case NGHTTP2_DATA:
        if (head->length != 0 || ends(*head)) return 0;
        break;
      default: break;
    }
    return c.spend_frame() ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Connection& c = self(user);
    const int32_t id = frame->hd.stream_id;
    c.block_open_ = true;
    c.block_bytes_ = 0;
    c.block_fields_ = 0;
    c.continuations_ = 0;
    if (c.role_ == H2Role::kServer && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      c.last_id_ = id;
      H2Stream* stream = c.events_.on_begin();
      if (stream == nullptr) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
        return 0;
      }
      stream->id = id;
      nghttp2_session_set_stream_user_data(session, id, stream);
      c.begin_block(*stream, H2FieldReader::Kind::kRequest);
      return 0;
    }
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr || stream->dead || stream->deaf) return 0;
    c.begin_block(*stream, stream->head_done || c.role_ == H2Role::kServer
                               ? H2FieldReader::Kind::kTrailers
                               : H2FieldReader::Kind::kResponse);
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, uint8_t flags, void* user) {
    const H2Field field{.name = text(name),
                        .value = text(value),
                        .fixed_name = nghttp2_rcbuf_is_static(name) != 0,
                        .fixed_value = nghttp2_rcbuf_is_static(value) != 0,
                        .never_indexed = (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0};
    return self(user).take_field(field) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Connection& c = self(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        H2Stream* stream = c.in_block_;
        c.in_block_ = nullptr;
        c.block_open_ = false;
        if (stream != nullptr && !stream->dead && !stream->deaf) {
          c.head_came(*stream, ends(frame->hd));
        } else if (ends(frame->hd)) {
          note_end(stream_of(session, frame->hd.stream_id));
        }
        return 0;
      }
      case NGHTTP2_DATA:
        if (ends(frame->hd)) {
          H2Stream* stream = stream_of(session, frame->hd.stream_id);
          if (stream != nullptr && !stream->dead && !stream->deaf) {
            c.body_ended(*stream);
          } else {
            note_end(stream);
          }
        }
        return 0;
      case NGHTTP2_RST_STREAM: {
        if (!c.spend_reset()) return NGHTTP2_ERR_CALLBACK_FAILURE;
        c.frames_ += limits::kH2FrameBudget / H2Connection::kResetsPerTurn;
        if (H2Stream* stream = stream_of(session, frame->hd.stream_id)) stream->reset_by_peer = true;
        return 0;
      }
      case NGHTTP2_SETTINGS:
        c.settings_seen_ = true;
        if (frame->hd.flags == NGHTTP2_FLAG_NONE) c.events_.on_settings();
        return 0;
      case NGHTTP2_GOAWAY: c.events_.on_goaway(); return 0;
      default: return 0;
    }
  }

  static int on_data_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                           size_t bytes, void* user) {
    H2Connection& c = self(user);
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr || stream->dead || stream->deaf) {
      nghttp2_session_consume(session, id, bytes);
      return 0;
    }
    c.data_came(*stream, {reinterpret_cast<const char*>(data), bytes});
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user) {
    H2Connection& c = self(user);
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    c.closed(*stream, static_cast<H2Code>(code));
    return 0;
  }

  static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Connection& c = self(user);
    const nghttp2_frame_hd& head = frame->hd;
    if (head.type == NGHTTP2_RST_STREAM) {
      // Refused before it began: nobody else notes that.
      if (c.role_ == H2Role::kServer && stream_of(session, head.stream_id) == nullptr) {
        c.note_closed(head.stream_id, H2Connection::ClosedBy::kUs);
      }
      const uint32_t code = frame->rst_stream.error_code;
      const bool its_fault = code != NGHTTP2_NO_ERROR && code != NGHTTP2_REFUSED_STREAM &&
                             code != NGHTTP2_CANCEL && code != NGHTTP2_INTERNAL_ERROR;
      return its_fault && !c.spend_reset() ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    }
    if (head.type != NGHTTP2_DATA && head.type != NGHTTP2_HEADERS) return 0;
    const bool end = ends(head);
    if (end || head.length >= limits::kH2WorthwhileBytes) {
      c.frame_credit_.earn(limits::kH2IdleFramesPerWork);
    }
    if (!end && head.type == NGHTTP2_DATA) return 0;
    H2Stream* stream = stream_of(session, head.stream_id);
    if (stream == nullptr) return 0;
    stream->opened = true;
    stream->local_ended = stream->local_ended || end;
    // The whole answer is out; the rest of the request is not wanted (RFC 9113 §8.1).
    if (end && c.role_ == H2Role::kServer && !stream->remote_ended) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, head.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t bytes,
                       nghttp2_data_source* source, void* user) {
    return self(user).write_data(*static_cast<H2Stream*>(source->ptr), head, bytes)
               ? 0
               : NGHTTP2_ERR_WOULDBLOCK;
  }
};

const nghttp2_session_callbacks* h2_callbacks() {
  static const nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) return made;
    using C = H2Callbacks;
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, C::on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, C::on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(made, C::on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, C::on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, C::on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, C::on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, C::on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(made, C::send_data);
    return made;
  }();
  return callbacks;
}

const nghttp2_option* h2_options() {
  static const nghttp2_option* const options = [] {
    nghttp2_option* made = nullptr;
    if (nghttp2_option_new(&made) != 0) return made;
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_no_http_messaging(made, 1);  // h2_fields and h2_head are stricter
    nghttp2_option_set_no_closed_streams(made, 1);
    // It counts a frame again for each piece that its head comes in; on_begin_frame() counts once.
    nghttp2_option_set_max_continuations(made, 16 * (limits::kH2Continuations + 1));
    // Ours counts by the owner's clock, and says ENHANCE_YOUR_CALM.
    nghttp2_option_set_stream_reset_rate_limit(made, UINT32_MAX, UINT32_MAX);
    nghttp2_option_set_max_settings(made, 32);
    return made;
  }();
  return options;
}

}  // namespace flagmesh::http
