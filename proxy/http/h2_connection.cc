#include "proxy/http/h2_connection.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstring>
#include <new>

#include "proxy/http/h2_callbacks.h"
#include "proxy/limits.h"

namespace flagmesh::http {
namespace {

// Shown to nghttp2 at a time; between two the budget is looked at. A frame of data is not cut
// more often than this.
constexpr size_t kSliceBytes = 32 * 1024;

nghttp2_mem memory_of(H2Memory& memory) {
  return {.mem_user_data = &memory,
          .malloc = [](size_t bytes, void* m) { return static_cast<H2Memory*>(m)->allocate(bytes); },
          .free = [](void* block, void* m) { static_cast<H2Memory*>(m)->release(block); },
          .calloc =
              [](size_t count, size_t size, void* m) {
                void* block = static_cast<H2Memory*>(m)->allocate(count * size);
                if (block != nullptr) memset(block, 0, count * size);
                return block;
              },
          .realloc = [](void* block, size_t bytes,
                        void* m) { return static_cast<H2Memory*>(m)->resize(block, bytes); }};
}

void submit_settings(nghttp2_session* session, H2Role role, const H1Limits& limits) {
  std::array<nghttp2_settings_entry, 6> settings;
  size_t count = 0;
  const auto set = [&](int32_t id, uint32_t value) { settings[count++] = {id, value}; };
  set(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits::kH2StreamWindow);
  set(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.header_block);
  if (role == H2Role::kServer) {
    set(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits::kH2Streams);
    set(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    set(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  } else {
    set(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), count);
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(limits::kH2ConnectionWindow));
}

H2Code code_of(int nghttp2_error) {
  switch (nghttp2_error) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
    case NGHTTP2_ERR_TOO_MANY_SETTINGS: return H2Code::kEnhanceYourCalm;
    case NGHTTP2_ERR_NOMEM: return H2Code::kInternalError;
    default: return H2Code::kProtocolError;
  }
}

}  // namespace

H2Connection::H2Connection(H2Role role, H2Memory& memory, const H1Limits& limits, H2Events& events,
                           MonoMs now)
    : memory_(memory),
      limits_(limits),
      events_(events),
      frame_credit_(limits::kH2IdleFrames, limits::kH2IdleFramesPerSecond, now),
      reset_credit_(limits::kH2Resets, limits::kH2ResetsPerSecond, now),
      role_(role) {
  closed_ids_.fill(kNoId);
  nghttp2_mem allocator = memory_of(memory);
  const auto make = role == H2Role::kServer ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  if (make(&session_, h2_callbacks(), this, h2_options(), &allocator) != 0) throw std::bad_alloc();
  submit_settings(session_, role, limits);
}

H2Connection::~H2Connection() { nghttp2_session_del(session_); }

// --- Bytes in ----------------------------------------------------------------------------------------------------------

size_t H2Connection::receive(std::string_view bytes, MonoMs now) {
  frame_credit_.refill(now);
  reset_credit_.refill(now);
  frames_ = 0;
  size_t taken = 0;
  calling_ = true;
  while (taken < bytes.size() && !failed_ && frames_ < limits::kH2FrameBudget) {
    std::string_view slice = bytes.substr(taken, kSliceBytes);
    if (role_ == H2Role::kServer) {
      slice = slice.substr(0, sure_of(slice));
      if (failed_) break;
    }
    const ssize_t got = nghttp2_session_mem_recv(
        session_, reinterpret_cast<const uint8_t*>(slice.data()), slice.size());
    if (got < 0) {
      end_with_error(static_cast<int>(got));
      break;
    }
    taken += static_cast<size_t>(got);
  }
  calling_ = false;
  return failed_ ? bytes.size() : taken;
}

void H2Connection::end_with_error(int nghttp2_error) {
  if (failed_) return;
  const H2Code code = code_of(nghttp2_error);
  const bool flood = code == H2Code::kEnhanceYourCalm;
  terminate(code, flood ? "h2_flood" : "h2_protocol_error");
}

bool H2Connection::spend_frame() {
  if (frame_credit_.spend()) return true;
  terminate(H2Code::kEnhanceYourCalm, "h2_flood");
  return false;
}

bool H2Connection::spend_reset() {
  if (reset_credit_.spend()) return true;
  terminate(H2Code::kEnhanceYourCalm, "h2_too_many_resets");
  return false;
}

// --- Bytes out ---------------------------------------------------------------------------------------------------------

bool H2Connection::pull(Output& out) {
  if (failed_) {
    keep_fresh();
    write_goaway(out);
    return false;
  }
  out_ = &out;
  calling_ = true;
  bool more = false;
  while (!failed_) {
    more = out.size() >= limits::kH2WriteBudgetBytes;
    if (more) break;
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
    if (count < 0) {
      end_with_error(static_cast<int>(count));
      break;
    }
    if (count == 0) {
      more = out.size() >= limits::kH2WriteBudgetBytes;
      break;
    }
    out.append({reinterpret_cast<const char*>(bytes), static_cast<size_t>(count)});
  }
  calling_ = false;
  out_ = nullptr;
  keep_fresh();
  if (failed_) {
    write_goaway(out);
    return false;
  }
  return more;
}

bool H2Connection::over() const {
  return failed_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

// Nghttp2 is left as it is: after an error it may have thousands of frames to write first.
void H2Connection::write_goaway(Output& out) {
  if (goaway_written_) return;
  goaway_written_ = true;
  const auto id = static_cast<uint32_t>(role_ == H2Role::kServer ? last_id_ : 0);
  const auto code = static_cast<uint32_t>(code_);
  std::array<char, 17> frame{0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < 4; ++i) {
    frame[9 + i] = static_cast<char>(id >> (24 - 8 * i));
    frame[13 + i] = static_cast<char>(code >> (24 - 8 * i));
  }
  out.append({frame.data(), frame.size()});
}

void H2Connection::terminate(H2Code code, std::string_view reason) {
  if (failed_) return;
  failed_ = true;
  code_ = code;
  reason_ = reason;
}

void H2Connection::announce_shutdown() {
  if (!failed_) nghttp2_submit_shutdown_notice(session_);
}

void H2Connection::shut_down() {
  if (failed_) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

// --- The peer's limits -------------------------------------------------------------------------------------------------

uint32_t H2Connection::peer_max_streams() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool H2Connection::may_open() const {
  return !failed_ && nghttp2_session_check_request_allowed(session_) != 0;
}

bool H2Connection::peer_takes_connect() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

}  // namespace flagmesh::http
